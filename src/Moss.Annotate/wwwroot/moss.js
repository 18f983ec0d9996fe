// What only the browser can do: the theme before the first paint, keys, a local copy of unfinished text.
window.moss = {
  isDark: () => document.documentElement.dataset.theme === "dark",
  setDark: dark => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.cookie = `moss.theme=${dark ? "dark" : "light"}; path=/; max-age=31536000; samesite=lax`;
  },
};

document.addEventListener("click", e => {
  if (e.target.closest("[data-moss-reload]")) location.reload();
});
