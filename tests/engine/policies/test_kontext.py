"""The Kontext adapter on a tiny random pipeline, against diffusers' own run of the same files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import sidecar
from engine.errors import Cancelled, ModelCorruptError, ModelMissingError
from engine.imageio.write import write_photo
from engine.jobs import CancelToken
from engine.layers.render import render
from engine.policies.base import Condition, Policy
from engine.policies.kontext import GUIDANCE, INSTRUCTION, KontextPolicy, load_kontext
from engine.policies.registry import load_policy
from engine.proposal import SamplerSettings
from engine.sampling.loop import SamplerConfig, sample
from engine.session import RetouchSession
from engine.types import FaceAnalysis, FaceEdits, Photo, Strengths
from tests.helpers import tiny_kontext
from tests.helpers.faces import synthetic_face
from tests.helpers.float64 import NoDoubles

pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_kontext.save(tmp_path_factory.mktemp("kontext") / "model")


def load(folder: Path, **options: Any) -> KontextPolicy:
    return load_kontext(folder, "cpu", **options)


@pytest.fixture(scope="module")
def policy(folder: Path) -> KontextPolicy:
    return load(folder)


@pytest.fixture(scope="module")
def square() -> tuple[Photo, FaceAnalysis]:
    """A face whose grid is exactly the tiny model's 64 × 64, so that nothing is resampled."""
    photo, face = synthetic_face((64, 64), width=60)
    assert face.grid.shape == (64, 64)
    return photo, face


@pytest.fixture(scope="module")
def condition(policy: KontextPolicy, square: tuple[Photo, FaceAnalysis]) -> Condition:
    return policy.encode(*square)


def draw(policy: KontextPolicy, condition: Condition, kind: str = "ode", steps: int = 4, **options: Any) -> Tensor:
    config = SamplerConfig(kind, steps, policy.info.shift, **options.pop("config", {}))  # type: ignore[arg-type]
    noise = policy.noise(condition, options.pop("noise_seed", 7))
    return sample(lambda x, t: policy.velocity(x, t, condition), noise, config, **options).latent


def diffusers_run(policy: KontextPolicy, face: FaceAnalysis, output: str, steps: int = 4) -> Any:
    from engine.imageio.colour import from_lab

    return policy.pipeline(
        image=torch.from_numpy(np.clip(from_lab(face.lab, None), 0, 1)).permute(2, 0, 1)[None],
        prompt=INSTRUCTION,
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        height=64,
        width=64,
        max_area=tiny_kontext.SIDE**2,
        max_sequence_length=512,
        generator=torch.Generator().manual_seed(7),
        output_type=output,
        _auto_resize=False,
    ).images[0]


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_the_ode_path_equals_diffusers_own_run(
    policy: KontextPolicy, condition: Condition, square: tuple[Photo, FaceAnalysis], steps: int
) -> None:
    """Same files, seed, prompt, guidance: packing, schedule and velocity to the latent and the pixels."""
    ours = draw(policy, condition, steps=steps)
    theirs = diffusers_run(policy, square[1], "latent", steps)
    torch.testing.assert_close(ours[0], theirs, rtol=1e-4, atol=1e-5)
    pixels = diffusers_run(policy, square[1], "np", steps)
    np.testing.assert_allclose(policy.picture(ours, condition), pixels, rtol=0, atol=1e-5)
    schedule = SamplerConfig("ode", steps, policy.info.shift).times()
    assert schedule == pytest.approx(policy.pipeline.scheduler.sigmas.tolist(), abs=1e-6)


def test_it_is_a_policy_whose_velocity_depends_on_everything(
    policy: KontextPolicy, condition: Condition, square: tuple[Photo, FaceAnalysis]
) -> None:
    assert isinstance(policy, Policy)
    noise = policy.noise(condition, 1)
    assert noise.shape == (1, 16, 16) and noise.dtype == torch.float32
    assert torch.equal(noise, policy.noise(condition, 1)) and not torch.equal(noise, policy.noise(condition, 2))
    with torch.no_grad():
        v = policy.velocity(noise, 0.9, condition)
        assert v.shape == noise.shape and v.dtype == noise.dtype
        others = {
            "time": policy.velocity(noise, 0.5, condition),
            "instruction": policy.velocity(noise, 0.9, policy.encode(*square, "blur")),
            "picture": policy.velocity(noise, 0.9, policy.encode(*synthetic_face((64, 64), width=60, seed=5))),
        }
        both = policy.velocity(torch.cat([noise, noise]), 0.9, condition)
    for name, other in others.items():
        assert float((other - v).abs().max()) > 1e-4, name
    torch.testing.assert_close(both, torch.cat([v, v]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["cps", "paper"])
def test_variations_differ_by_seed_and_stay_near_their_anchor_with_strong_guidance(
    policy: KontextPolicy, condition: Condition, form: str
) -> None:
    anchor = draw(policy, condition, steps=8)
    distances = {}
    for cap in (0.0, 0.9):
        config = {"lambda_max": cap, "form": form, "eta": 0.8}
        seeds = [
            draw(policy, condition, "dpg", 8, anchor=anchor, seed=s, noise_seed=s, config=config) for s in (1, 2, 3)
        ]
        assert not torch.equal(seeds[0], seeds[1]) and not torch.equal(seeds[1], seeds[2])
        distances[cap] = sum(float((latent - anchor).norm()) for latent in seeds)
    assert distances[0.9] < distances[0.0]


def test_its_layers_go_through_strengths_and_renderer_like_all_others(policy: KontextPolicy) -> None:
    photo, face = synthetic_face((300, 240), width=150, grid_scale=0.8)
    condition = policy.encode(photo, face)
    assert condition.data.size == (48, 64), "64² pixels at the grid's aspect, in steps of 16"
    layers = policy.decode(draw(policy, condition, "dpg", 5), photo, condition)
    assert layers.face_id == face.id and layers.grid == face.grid
    out = render(photo, [(layers, FaceEdits())])
    changed = (out != photo.pixels).any(-1)
    assert changed.any()
    x0, y0, x1, y1 = face.grid.box
    changed[y0:y1, x0:x1] = False
    assert not changed.any(), "nothing outside the face's crop"
    assert np.array_equal(render(photo, [(layers, FaceEdits(Strengths(amount=0)))]), photo.pixels)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_session_carries_it_to_an_export_and_back(
    policy: KontextPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    painted, face = synthetic_face((200, 170), width=100, depth=depth)
    path = tmp_path / ("portrait.png" if depth == 8 else "portrait.tif")
    write_photo(painted, path)
    monkeypatch.setattr("engine.faces.analysis.analyse", lambda photo, boxes=None: ((face,), ()))
    session = RetouchSession.open(path)
    session.analyse()
    session.propose(policy, SamplerSettings(steps=6), seed=3)
    first = session.render()
    session.adopt(list(session.vary(policy, 2))[1])
    session.set_strengths(Strengths({"tone": 90.0, "smooth": 20.0}))
    wanted = session.render()
    assert (wanted != first).any() and (first != painted.pixels).any()
    session.save_sidecar()
    session.export(tmp_path / f"out{path.suffix}")

    again = RetouchSession.open(path)
    saved = sidecar.load(path)
    assert saved is not None and saved.proposal is not None and saved.proposal.policy == "kontext"
    again.restore(saved, policy)
    np.testing.assert_array_equal(again.render(), wanted)
    np.testing.assert_array_equal(RetouchSession.open(tmp_path / f"out{path.suffix}").photo.pixels, wanted)


def test_it_sees_a_face_the_same_whatever_drew_before(policy: KontextPolicy, portraits: Path) -> None:
    session = RetouchSession.open(portraits / "train" / "canada" / "003f.jpg")
    (found,) = session.analyse()
    finer = replace(found, regions={**found.regions, "skin": np.clip(found.regions["skin"] + 0.3, 0, 1)})
    seen = policy.encode(session.photo, finer).face
    assert all(np.array_equal(seen.regions[name], mask) for name, mask in found.regions.items())


def test_cancelling_between_steps(policy: KontextPolicy, condition: Condition) -> None:
    token = CancelToken()
    with pytest.raises(Cancelled):
        draw(policy, condition, token=token, report=lambda _: token.cancel())


def test_no_float64_on_the_adapters_own_path(policy: KontextPolicy, condition: Condition) -> None:
    class Guarded(torch.nn.Module):
        """Stands for the transformer: diffusers' own rotary embedding uses float64 where the device has it."""

        config = policy.pipeline.transformer.config

        def forward(self, hidden_states: Tensor, **_: Any) -> tuple[Tensor]:
            return (hidden_states * 0.5,)

    guarded = KontextPolicy(_Swapped(policy.pipeline, Guarded()), "1", device="cpu")
    with NoDoubles():
        latent = draw(guarded, condition, "dpg", 5)
        guarded.picture(latent, condition)


class _Swapped:
    """A pipeline with another transformer."""

    def __init__(self, pipeline: Any, transformer: Any) -> None:
        self._pipeline, self.transformer = pipeline, transformer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)


def test_a_lora_in_the_folder_is_used_and_named_in_the_version(
    policy: KontextPolicy, condition: Condition, folder: Path, tmp_path: Path
) -> None:
    adapted = tmp_path / "adapted"
    shutil.copytree(folder, adapted)
    file = tiny_kontext.save_lora(adapted)
    by_folder, by_argument = load(adapted), load(folder, lora=file)
    noise = policy.noise(condition, 1)
    with torch.no_grad():
        plain, first, second = (p.velocity(noise, 0.9, condition) for p in (policy, by_folder, by_argument))
    assert torch.equal(first, second) and float((first - plain).abs().max()) > 1e-3
    assert by_folder.info.version != policy.info.version
    assert load(folder).info.version == policy.info.version


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    def broken(name: str) -> Path:
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        return copy

    with pytest.raises(ModelMissingError, match=r"no model folder 'nowhere'.*non-commercial|Non-Commercial"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelMissingError, match=r"model_index\.json"):
        load(tmp_path / "empty")
    other = broken("other")
    (other / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(ModelMissingError, match="holds FluxPipeline"):
        load(other)
    partial = broken("partial")
    shutil.rmtree(partial / "vae")
    with pytest.raises(ModelMissingError, match="lacks its part 'vae'"):
        load(partial)
    weightless = broken("weightless")
    for file in (weightless / "transformer").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(ModelMissingError, match="safetensors weights in 'transformer'"):
        load(weightless)
    sharded = broken("sharded")
    index = {"weight_map": {"a": "diffusion_pytorch_model-00002-of-00003.safetensors"}}
    (sharded / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelMissingError, match="00002-of-00003"):
        load(sharded)
    with pytest.raises(ModelMissingError, match=r"no LoRA file 'x\.safetensors'"):
        load(folder, lora=tmp_path / "x.safetensors")
    with pytest.raises(ModelMissingError, match="needs weights that are not shipped"):
        load_policy("kontext", device="cpu")


@pytest.mark.parametrize("damage", ["index", "config", "weights"])
def test_damaged_files_are_an_error_of_one_sentence(folder: Path, tmp_path: Path, damage: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    if damage == "index":
        (broken / "model_index.json").write_text("{")
    elif damage == "config":
        (broken / "vae" / "config.json").write_text("{")
    else:
        next((broken / "vae").glob("*.safetensors")).write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(ModelCorruptError) as caught:
        load(broken)
    assert str(tmp_path) not in str(caught.value) and caught.value.hint


def test_the_registry_loads_it(folder: Path) -> None:
    policy = load_policy("kontext", model=folder, device="cpu")
    assert policy.info.name == "kontext" and policy.info.steps == 28 and "Non-Commercial" in policy.info.licence
    assert policy.info.shift == pytest.approx(np.exp(0.5 + 0.65 * (16 - 256) / 3840)), "μ of 16 tokens"
