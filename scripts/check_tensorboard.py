#!/usr/bin/env python3
"""Reads a run's event files with TensorBoard itself and compares every number with metrics.jsonl.

    pip install tensorboard
    scripts/check_tensorboard.py logs/20260101120000/network_train out/metrics.jsonl

Needed by nobody who builds, tests or uses Rankine: the tests read the files by the format's description.
"""
import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def single(value):
    """The fp32 number that an event file holds."""
    return struct.unpack("f", struct.pack("f", value))[0]


def expected(line):
    """(tag, step, value) of everything that a line of metrics.jsonl tells, phases apart."""
    step = line["step"]
    yield "loss/current", step, line["loss"]
    yield "loss/average", step, line["loss_average"]
    for group, rate in line["lr"].items():
        name = group.replace("text_encoder", "textencoder")
        yield "lr/" + (name[:-5] + " plus" if name.endswith("_plus") else name), step, rate
    yield "norm/grad_norm", step, line["grad_norm"]
    yield "memory/resident_gib", step, line["resident_bytes"] / 2**30
    yield "time/step_seconds", step, line["step_seconds"]
    for name, value in line.get("values", {}).items():
        yield name, line["epoch"] if "/epoch_" in name else step, value


def main(folder, metrics):
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    lines = {}
    for text in open(metrics, encoding="utf-8"):
        line = json.loads(text)
        lines = {step: other for step, other in lines.items() if step < line["step"]}
        lines[line["step"]] = line
    found = {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
    compared = 0
    for line in lines.values():
        for tag, step, value in expected(line):
            assert found[tag][step] == single(value), (tag, step, found[tag][step], value)
            compared += 1
    for tag, values in found.items():
        assert max(values) <= max(lines), (tag, max(values))
    print(f"{compared} numbers of {len(lines)} steps are the same")
    for tag in sorted(found):
        print(f"  {tag}: {len(found[tag])} points")
    print("  texts and pictures:", events.Tags()["tensors"], events.Tags()["images"])


if __name__ == "__main__":
    main(*sys.argv[1:])
