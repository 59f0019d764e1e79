const heat = document.getElementById("heat");
function showHeat() {
  heat.setAttribute("aria-pressed", document.body.classList.toggle("heated"));
}
heat.addEventListener("click", showHeat);
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key.toLowerCase() === "h" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) showHeat();
});
