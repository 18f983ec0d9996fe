// What only the browser can do: the theme before the first paint, keys, scrolling, and a copy of unfinished text that outlives the connection.
(() => {
  const key = place => "moss.draft." + place;
  const bytes = text => new TextEncoder().encode(text).length;
  const MaxSent = 200 * 1024; // bytes; the hub takes no more, and 64 KB is the limit of a message anyway

  function grow(area) {
    area.style.height = "auto";
    area.style.height = Math.min(area.scrollHeight + 2, Math.round(innerHeight * .45)) + "px";
  }

  // Tells the server what was typed, again and again while the connection is away.
  function report(area) {
    const box = area.mossBox;
    if (!box) return;
    clearTimeout(box.timer);
    const text = area.value, size = bytes(text);
    const later = () => { if (area.mossBox) box.timer = setTimeout(() => report(area), 2000); };
    try {
      (size > MaxSent ? box.ref.invokeMethodAsync("TooLongAsync", size) : box.ref.invokeMethodAsync("TypedAsync", text)).catch(later);
    } catch { later(); } // the connection is away: it throws at once
  }

  window.moss = {
    isDark: () => document.documentElement.dataset.theme === "dark",
    setDark: dark => {
      document.documentElement.dataset.theme = dark ? "dark" : "light";
      document.cookie = `moss.theme=${dark ? "dark" : "light"}; path=/; max-age=31536000; samesite=lax`;
    },

    attach: (area, ref, place, delay) => {
      area.mossBox = { ref, place, timer: 0 };
      area.addEventListener("input", () => {
        if (!area.mossBox) return;
        grow(area);
        try { localStorage.setItem(key(place), area.value); } catch { /* a full or forbidden store: the server still has its draft */ }
        clearTimeout(area.mossBox.timer);
        area.mossBox.timer = setTimeout(() => report(area), delay);
      });
      area.addEventListener("blur", () => { if (area.mossBox?.timer) report(area); });
      area.addEventListener("keydown", e => {
        if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey) || e.isComposing) return;
        e.preventDefault();
        ref.invokeMethodAsync("SubmitAsync").catch(() => { });
      });
      return localStorage.getItem(key(place));
    },
    // Brings a kept text back, unless the person was quicker and has typed already.
    restore: (area, text, focus) => {
      const typed = area.value.length > 0;
      if (!typed) area.value = text;
      grow(area);
      if (focus && (document.activeElement === document.body || document.activeElement?.tagName === "H1")) {
        area.focus();
        area.setSelectionRange(area.value.length, area.value.length);
      }
      if (typed) report(area);
      return !typed;
    },
    detach: area => { if (area?.mossBox) { clearTimeout(area.mossBox.timer); area.mossBox = null; } },
    read: area => bytes(area.value) > MaxSent ? null : area.value,
    write: (area, text, focus) => {
      if (area.mossBox) clearTimeout(area.mossBox.timer);
      area.value = text;
      grow(area);
      if (focus) { area.focus(); area.setSelectionRange(text.length, text.length); }
    },
    // The server has it: the local copy has done its work, unless more was typed meanwhile.
    stored: (place, text) => { if (localStorage.getItem(key(place)) === text) localStorage.removeItem(key(place)); },
    forget: place => localStorage.removeItem(key(place)),

    // Keeps the newest words in view while the reader is at the end.
    follow: (box, startAtEnd) => {
      let atEnd = startAtEnd;
      const toEnd = () => { if (atEnd) box.scrollTop = box.scrollHeight; };
      box.addEventListener("scroll", () => { atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60; }, { passive: true });
      new MutationObserver(toEnd).observe(box, { childList: true, subtree: true, characterData: true });
      box.mossToEnd = () => { atEnd = true; toEnd(); };
      toEnd();
      document.querySelector(".m-row.m-selected")?.scrollIntoView({ block: "nearest" });
    },
    toEnd: box => box.mossToEnd?.(),
    reveal: id => document.querySelector(`[data-message="${id}"]`)?.scrollIntoView({ block: "center" }),
  };

  document.addEventListener("click", e => { if (e.target.closest("[data-moss-reload]")) location.reload(); });

  // 1-5 rate, C corrects, F flags, W asks why: for the reply under the pointer or focus, else the last one. Dead inside text fields.
  const deeds = { "1": "rate-1", "2": "rate-2", "3": "rate-3", "4": "rate-4", "5": "rate-5", c: "correct", f: "flag", w: "why" };
  document.addEventListener("keydown", e => {
    const deed = deeds[e.key.toLowerCase()];
    if (!deed || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
    if (e.target.closest("input, textarea, select, [contenteditable], [role=menu], [role=dialog]")) return;
    const cards = [...document.querySelectorAll("[data-test=reply]")];
    const card = e.target.closest("[data-test=reply]") ?? cards.find(c => c.matches(":hover")) ?? cards.at(-1);
    const button = card?.querySelector(`[data-test=${deed}]`);
    if (button) { e.preventDefault(); button.click(); }
  });
})();
