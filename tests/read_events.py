"""Trains a tiny run, takes it up again, and reads what it wrote with TensorBoard's own reader.

    python3 -m venv venv && venv/bin/pip install tensorboard
    venv/bin/python tests/read_events.py target/release/tricktop
"""

import pathlib
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

PRESET = """(
    data: (train_images: 200), net: (depth: 8, width: 0.25), train: (epochs: 2, batch: 20, log_every: 1),
    edits: [(after: 7, schedule: (base_lr: 0.05))],
)"""


def check(where, rows):
    events = EventAccumulator(str(where), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    loss = rows[0].index("loss")
    written = [(int(row[1]), float(row[loss])) for row in rows if row[0] == "step"]
    found = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert [step for step, _ in found] == [step for step, _ in written] == list(range(1, 31)), found
    assert all(abs(a - b) < 1e-6 for (_, a), (_, b) in zip(found, written)), (found, written)
    assert all(event.wall_time > 1.6e9 for event in events.Scalars("train/lr"))
    assert [event.step for event in events.Scalars("val/top1")] == [10, 20, 30]
    assert [image.encoded_image_string[:4] for image in events.Images("confusion")] == [b"\x89PNG"] * 3
    edit, longer = events.Tensors("edits")
    assert edit.step == 7 and "schedule.base_lr" in edit.tensor_proto.string_val[0].decode()
    assert longer.step == 20 and "train.epochs" in longer.tensor_proto.string_val[0].decode()
    return len(found)


program = pathlib.Path(sys.argv[1]).resolve()
with tempfile.TemporaryDirectory() as folder:

    def tricktop(*args):
        return subprocess.run([program, *args], cwd=folder, check=True, capture_output=True, text=True).stdout

    pathlib.Path(folder, "tiny.ron").write_text(PRESET)
    tricktop("--batch", "tiny.ron")
    tricktop("resume", "tiny", "--batch", "--set", "train.epochs=3")
    exported = pathlib.Path(folder, tricktop("export", "tiny", "--tensorboard", "board").strip())
    rows = [row.split(",") for row in tricktop("export", "tiny", "--csv").splitlines()]
    check(exported, rows)
    steps = check(pathlib.Path(folder, "runs/tiny"), rows)
print(f"{steps} steps, 3 epochs, 2 edits: TensorBoard reads what was written, while training and exported")
