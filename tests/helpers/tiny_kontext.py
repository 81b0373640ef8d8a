"""A random FluxKontextPipeline small enough for tests: same classes and files as the real one, local tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SIDE = 64
"""Pixels: faces are painted at SIDE²."""


def build() -> Any:
    """A pipeline with random float32 weights, the same at every call."""
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
    from tokenizers import pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        words = [*letters, *(c + "</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
        clip_tokenizer = CLIPTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[], model_max_length=77)
        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((chr(c), -3.0) for c in range(33, 127))]
        t5_tokenizer = T5TokenizerFast(vocab=pieces, extra_ids=0)
        clip = CLIPTextConfig(
            bos_token_id=len(words) - 2,
            eos_token_id=len(words) - 1,
            pad_token_id=len(words) - 1,
            hidden_size=32,
            intermediate_size=37,
            num_attention_heads=4,
            num_hidden_layers=1,
            vocab_size=len(words),
            projection_dim=32,
            max_position_embeddings=77,
        )
        t5 = T5Config(
            vocab_size=len(t5_tokenizer),
            d_model=32,
            d_kv=8,
            d_ff=37,
            num_layers=1,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
        )
        transformer = FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=[4, 4, 8],  # type: ignore[arg-type]
            guidance_embeds=True,
        )
        vae = AutoencoderKL(
            sample_size=SIDE,
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=4,
            use_quant_conv=False,
            use_post_quant_conv=False,
            shift_factor=0.1159,
            scaling_factor=0.3611,
        )
        return FluxKontextPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
            vae=vae,
            text_encoder=CLIPTextModel(clip),
            tokenizer=clip_tokenizer,
            text_encoder_2=T5EncoderModel(t5),
            tokenizer_2=t5_tokenizer,
            transformer=transformer,
        )


def save(folder: Path) -> Path:
    """Build and save in the layout that `load_kontext` reads."""
    build().save_pretrained(folder)
    return folder


def save_lora(folder: Path, weight: float = 0.5) -> Path:
    """A random LoRA for the transformer; returns its file."""
    from diffusers import FluxKontextPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = build()
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    pipeline.transformer.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=targets), adapter_name="retouch")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in pipeline.transformer.named_parameters():
            if "lora_" in name:
                parameter.copy_(weight * torch.randn(parameter.shape, generator=generator))
    state = get_peft_model_state_dict(pipeline.transformer, adapter_name="retouch")
    FluxKontextPipeline.save_lora_weights(
        folder, transformer_lora_layers=state, weight_name="pytorch_lora_weights.safetensors"
    )
    return folder / "pytorch_lora_weights.safetensors"
