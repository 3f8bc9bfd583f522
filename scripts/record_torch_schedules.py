"""Records tests/optim/torch_schedules.json: the learning rates of torch.optim.lr_scheduler's classes, step by step.

python scripts/record_torch_schedules.py > tests/optim/torch_schedules.json      (recorded with torch 2.9.1)
"""

import ast
import json
import sys
import warnings

import torch

STEPS = 60
CASES = [
    ("ConstantLR", [], 1e-3),
    ("ConstantLR", ["factor=0.25", "total_iters=10"], 1e-3),
    ("LinearLR", [], 1e-3),
    ("LinearLR", ["start_factor=0.1", "end_factor=0.5", "total_iters=40"], 2e-4),
    ("ExponentialLR", ["gamma=0.97"], 1e-3),
    ("StepLR", ["step_size=15"], 1e-3),
    ("StepLR", ["step_size=7", "gamma=0.5"], 1e-3),
    ("MultiStepLR", ["milestones=[10,30,30,45]", "gamma=0.5"], 1e-3),
    ("MultiStepLR", ["milestones=[0,20]"], 1e-3),
    ("PolynomialLR", [], 1e-3),
    ("PolynomialLR", ["total_iters=50", "power=2.5"], 1e-3),
    ("CosineAnnealingLR", ["T_max=60"], 1e-3),
    ("CosineAnnealingLR", ["T_max=13", "eta_min=1e-5"], 1e-3),
    ("CosineAnnealingWarmRestarts", ["T_0=20"], 1e-3),
    ("CosineAnnealingWarmRestarts", ["T_0=7", "T_mult=2", "eta_min=1e-6"], 5e-4),
    ("OneCycleLR", ["max_lr=1e-3", "total_steps=60", "cycle_momentum=False"], 1e-4),
    (
        "OneCycleLR",
        ["max_lr=1e-3", "epochs=6", "steps_per_epoch=10", "pct_start=0.4", "anneal_strategy='linear'",
         "three_phase=True", "div_factor=10", "final_div_factor=100", "cycle_momentum=False"],
        1e-4,
    ),
    ("CyclicLR", ["base_lr=1e-5", "max_lr=1e-3", "step_size_up=9", "cycle_momentum=False"], 1e-4),
    (
        "CyclicLR",
        ["base_lr=1e-5", "max_lr=1e-3", "step_size_up=6", "step_size_down=11", "mode='triangular2'",
         "cycle_momentum=False"],
        1e-4,
    ),
    (
        "CyclicLR",
        ["base_lr=1e-5", "max_lr=1e-3", "step_size_up=10", "mode='exp_range'", "gamma=0.98", "cycle_momentum=False"],
        1e-4,
    ),
]


def record(name, args, rate):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    keywords = {key: ast.literal_eval(value) for key, value in (arg.split("=") for arg in args)}
    schedule = getattr(torch.optim.lr_scheduler, name)(optimizer, **keywords)
    values = []
    for _ in range(STEPS):
        values.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        schedule.step()
    return {"type": name, "args": args, "learning_rate": rate, "values": values}


warnings.simplefilter("ignore")
records = [record(*case) for case in CASES]
sys.stdout.write("[\n" + ",\n".join(json.dumps(r) for r in records) + "\n]\n")
