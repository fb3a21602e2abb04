"""Opens reports of tiny runs in a headless Chromium, where there is one: light, dark, printed, wide and on a phone.

    python3 tests/report_browser.py target/debug/tricktop [PICTURES]

Every page must ask for nothing outside itself, show what it says, fit the window, and have text and curves that stand
out from their ground. In the directory PICTURES it leaves a picture of every page and look.
"""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

TINY = """(
    data: (train_images: 320), net: (depth: 8, width: 0.25), train: (epochs: 3, batch: 32, log_every: 1),
    edits: [
        (after: 7, schedule: (base_lr: 0.05)), (after: 8, tricks: (mixup: (on: true))),
        (after: 22, augment: (flip: false)),
    ],
)"""
SUITE = """(
    title: "Tiny refinements", source: "made up", base: (name: "base", preset: "plain.ron", paper: (77.2, 93.5)),
    cells: [
        (name: "+ smoothing", recipe: (tricks: (smoothing: (on: true))), paper: (77.9, 93.8)),
        (name: "+ step decay", recipe: (schedule: (decay: Step)), paper: (77.6, 93.7)),
    ],
    seeds: 2, budget: Epochs(2),
)"""
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
         "--remote-debugging-pipe"]

# What a page looks like: sizes, pictures that are broken, and the worst contrasts of its text and of its curves.
LOOK = r"""(() => {
  const numbers = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = (element) => {
    let layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(numbers(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (colour, element) => {
    const below = ground(element), [a, b] = [light(over(numbers(colour), below)), light(below)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  let texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    texts.push([contrast(element instanceof SVGElement ? style.fill : style.color, element), walker.currentNode.data]);
  }
  const curves = [...document.querySelectorAll(".axes .curve:not(.faint), .axes .points, .track line.interval")]
    .map((e) => [contrast(getComputedStyle(e).stroke, e.closest("figure, td")), e.getAttribute("class")]);
  const worst = (list) => list.sort((a, b) => a[0] - b[0])[0] || [21, "none"];
  const size = (e) => { const box = e.getBoundingClientRect(); return [box.width, box.height]; };
  return {
    ground: getComputedStyle(document.body).backgroundColor, text: worst(texts), curve: worst(curves),
    texts: texts.length, charts: [...document.querySelectorAll("svg.axes")].map(size),
    paths: document.querySelectorAll(".axes .curve").length,
    broken: [...document.images].filter((image) => !image.naturalWidth).length, images: document.images.length,
    wide: document.documentElement.scrollWidth,
    small: Math.min(...[...document.querySelectorAll("svg text, p, td, th, figcaption")]
      .filter((e) => e.getClientRects().length).map((e) => parseFloat(getComputedStyle(e).fontSize))),
    heads: [...document.querySelectorAll("h1, h2, h3")].map((e) => e.textContent),
    height: document.documentElement.scrollHeight,
  };
})()"""


class Browser:
    """A browser that is steered through a pair of pipes: JSON texts that end with a zero byte."""

    def __init__(self, program, folder):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def pipes():
            # (it reads from 3 and writes to 4, whatever numbers the pipes have here)
            read, write = os.dup(to_read), os.dup(to_write)
            high = [os.dup2(fd, 100 + fd) for fd in (read, write)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        flags = FLAGS + [f"--user-data-dir={folder}/profile"]
        self.log = open(folder / "browser.log", "wb")
        self.process = subprocess.Popen([program, *flags, "about:blank"], preexec_fn=pipes, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(to_read)
        os.close(to_write)
        self.rest, self.last, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Runtime", "Log"]:
            self.ask(f"{domain}.enable")

    def message(self, until):
        while b"\0" not in self.rest:
            if not select.select([self.read], [], [], max(0, until - time.time()))[0]:
                raise SystemExit("the browser does not answer: " + pathlib.Path(self.log.name).read_text()[-2000:])
            part = os.read(self.read, 1 << 16)
            if not part:
                raise SystemExit("the browser has gone: " + pathlib.Path(self.log.name).read_text()[-2000:])
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        until = time.time() + 120
        while True:
            answer = self.message(until)
            if answer.get("id") == self.last:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def open(self, page):
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        until = time.time() + 120
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message(until))

    def told(self, *methods):
        return [event for event in self.events if event.get("method") in methods]

    def size(self, width):
        sizes = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.ask("Emulation.setDeviceMetricsOverride", **sizes)

    def media(self, media, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def look(self):
        return self.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]

    def close(self):
        self.session = None
        self.ask("Browser.close")
        self.process.wait(60)


def check(browser, page, heads, pictures):
    name = page.stem
    for scheme, width in [("light", 1200), ("dark", 1200), ("light", 390), ("dark", 390)]:
        browser.size(width)
        browser.media("", scheme)
        browser.open(page)
        asked = [event["params"]["request"]["url"] for event in browser.told("Network.requestWillBeSent")]
        outside = [url for url in asked if url != page.as_uri() and not url.startswith("data:")]
        assert not outside, f"{name} asks for {outside}"
        said = browser.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        assert not said, f"{name}: {said}"
        seen = browser.look()
        what = f"{name}, {scheme}, {width} wide: {json.dumps(seen, ensure_ascii=False)}"
        dark = sum(map(float, seen["ground"][4:-1].split(",")[:3])) < 3 * 128
        assert dark == (scheme == "dark"), what
        assert seen["text"][0] >= 4.5 and seen["curve"][0] >= 3, what
        assert seen["charts"] and all(w > 200 and h > 100 for w, h in seen["charts"]), what
        assert seen["paths"] >= len(seen["charts"]) and seen["texts"] > 100 and seen["broken"] == 0, what
        assert seen["wide"] <= width and seen["small"] >= 11, what
        assert set(heads) <= set(seen["heads"]), what
        if pictures:
            box = {"x": 0, "y": 0, "width": width, "height": min(seen["height"], 12000), "scale": 1}
            shot = browser.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=box)["data"]
            (pictures / f"{name}-{scheme}-{width}.png").write_bytes(base64.b64decode(shot))
    # Printed by a browser that prefers dark: on white, and with all that is folded.
    browser.media("print", "dark")
    seen = browser.look()
    assert seen["text"][0] >= 4.5 and seen["curve"][0] >= 3 and seen["small"] >= 9, f"{name}, printed: {seen}"
    assert seen["ground"] == "rgb(255, 255, 255)", f"{name}, printed: {seen}"
    browser.media("", "dark")
    paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": False}
    pdf = base64.b64decode(browser.ask("Page.printToPDF", printBackground=True, **paper)["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000, f"{name}: {len(pdf)} bytes printed"
    if pictures:
        (pictures / f"{name}.pdf").write_bytes(pdf)


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print("left out: no chromium")
        return
    tricktop = pathlib.Path(sys.argv[1]).resolve()
    pictures = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def run(*args):
            done = subprocess.run([tricktop, *args], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"{args}: {done.stderr}"

        (folder / "tiny.ron").write_text(TINY)
        (folder / "plain.ron").write_text(TINY.split("    edits")[0] + ")")
        (folder / "suite.ron").write_text(SUITE)
        run("--batch", "tiny.ron", "plain.ron")
        run("suite", "suite.ron", "--jobs", "2")
        parts = ["Curves", "Edits", "Epochs", "Classes", "Confusion", "Images", "Recipe", "Made on, made with"]
        reports = [
            (["tiny"], "one", parts),
            (["tiny", "plain"], "two", ["Figures", "Differences", *parts]),
            (["suite.ron"], "suite", ["Table", "Gains", "Curves", "Differences", "Runs", "Made on, made with"]),
        ]
        browser = Browser(program, folder)
        for targets, name, heads in reports:
            run("report", *targets, "-o", f"{name}.html")
            check(browser, folder / f"{name}.html", heads, pictures)
            if pictures:
                shutil.copy(folder / f"{name}.html", pictures)
        browser.close()
    print(f"{len(reports)} reports are shown by {pathlib.Path(program).name} as they should be, and ask for nothing")


if __name__ == "__main__":
    main()
