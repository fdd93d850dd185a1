for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const said = button.nextElementSibling;
  button.hidden = false;
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText("value" in field ? field.value : field.textContent);
    } catch {
      // Over plain http there is no clipboard. What is said to be copied and is not is lost: a secret is shown once.
      if (field.select) field.select();
      else getSelection().selectAllChildren(field);
      copied = document.execCommand("copy");
    }
    if (said) said.textContent = copied ? button.dataset.copied : button.dataset.failed;
  });
}
