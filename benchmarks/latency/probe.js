/**
 * Measures inside the page. Runs before the page's own scripts, so that its listeners hear a key first.
 *
 * An image counts as painted two animation frames after the page has said that photo and labels are there: the first begins
 * when the frame that draws them has been handed over, the second makes sure of it.
 */
window.probe = (() => {
  let pressed = null;
  window.addEventListener("keydown", (event) => (pressed ??= event.timeStamp), { capture: true });
  let target = null;
  window.addEventListener("pointerdown", (event) => (target = event.composedPath()[0]), { capture: true });

  /** The editor's element, in whatever shadow it lies. */
  function find(node = document) {
    const found = node.querySelector(".lt");
    if (found) return found;
    for (const element of node.querySelectorAll("*")) {
      const inside = element.shadowRoot && find(element.shadowRoot);
      if (inside) return inside;
    }
    return null;
  }

  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const ready = (root, id) => root?.hasAttribute("data-ready") && (id === null || root.dataset.image === String(id));

  async function painted() {
    await frame();
    await frame();
    return performance.now();
  }

  let result = null;
  return {
    /** From now on, waits for the next key and then for an image; `result` tells the milliseconds between. */
    arm(id) {
      pressed = null;
      const root = find();
      result = new Promise((resolve, reject) => {
        const state = () => `key ${pressed === null ? "not " : ""}heard, image ${root?.dataset.image}, ${ready(root, null) ? "" : "not "}ready`;
        setTimeout(() => reject(new Error(`image ${id} was not painted within 20 s: ${state()}`)), 20_000);
        const observer = new MutationObserver(async () => {
          if (!ready(root, id)) return;
          observer.disconnect();
          resolve((await painted()) - pressed);
        });
        observer.observe(root, { attributes: true });
      });
    },
    result: () => result,
    /** When the first image was painted, in milliseconds since 1970. */
    async opened() {
      while (!ready(find(), null)) await frame();
      return performance.timeOrigin + (await painted());
    },
    /**
     * Goes round with the mouse, whose button is down at (x, y), for so many seconds; milliseconds between frames, and long tasks.
     *
     * Moves come 125 times a second, as a mouse sends them; a browser hands on one a frame, so this is more than a page has to
     * bear. They are made here because each one sent from outside waits for its answer, which comes once a frame.
     */
    async drag(x, y, seconds) {
      const [frames, long] = [[], []];
      const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)));
      observer.observe({ type: "longtask" });
      let moves = 0;
      const begun = performance.now();
      const timer = setInterval(() => {
        const angle = (performance.now() - begun) / 200;
        const place = { clientX: x + 60 * Math.sin(angle), clientY: y + 40 * Math.sin(angle * 1.4) };
        const common = { pointerId: 1, pointerType: "mouse", isPrimary: true, buttons: 1, bubbles: true, composed: true, cancelable: true };
        target.dispatchEvent(new PointerEvent("pointermove", { ...place, ...common }));
        moves++;
      }, 8);
      const end = begun + seconds * 1000;
      for (let time = await frame(); time < end; time = await frame()) frames.push(time);
      clearInterval(timer);
      const taken = (performance.now() - begun) / 1000;
      await new Promise((resolve) => setTimeout(resolve, 100)); // Entries of long tasks come late.
      observer.disconnect();
      return { frames: frames.slice(1).map((time, i) => time - frames[i]), long, moves: moves / taken };
    },
  };
})();
