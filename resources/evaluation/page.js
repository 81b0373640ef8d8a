// Wipes: the slider moves the edge, a button chooses whose result lies to its right. No network, no library.
for (const face of document.querySelectorAll(".face")) {
  const wipe = face.querySelector(".wipe");
  if (!wipe) continue;
  const slider = wipe.querySelector("input");
  const show = () => wipe.style.setProperty("--x", slider.value + "%");
  slider.addEventListener("input", show);
  show();
  const buttons = face.querySelectorAll("button[data-show]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const image of wipe.querySelectorAll(".after img")) image.classList.toggle("on", image.alt === button.dataset.show);
      wipe.querySelector(".tag.right").textContent = button.dataset.show;
    });
  }
  const marks = face.querySelector("button[data-marks]");
  if (marks) marks.addEventListener("click", () => {
    marks.setAttribute("aria-pressed", String(wipe.classList.toggle("marked")));
  });
}
