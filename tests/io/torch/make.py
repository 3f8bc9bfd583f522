"""Makes the files of this folder (PyTorch 2.9.1): python make.py"""
import collections

import torch

tensors = collections.OrderedDict()
tensors["a.weight"] = torch.arange(6, dtype=torch.float32).reshape(2, 3)
tensors["a.half"] = torch.tensor([1.5, -2], dtype=torch.float16)
tensors["ids"] = torch.tensor([[3, 4]], dtype=torch.int64)
tensors["p"] = torch.nn.Parameter(torch.tensor([7.0], dtype=torch.bfloat16))
ten = torch.arange(10, dtype=torch.float32)
tensors["view"] = ten[4:8]
tensors["scalar"] = torch.tensor(4.0)
tensors["note"] = "text"
# The shape of PyTorch Lightning's checkpoints: classes, devices, sets and numbers of all sizes around the tensors.
around = {"epoch": 3, "global_step": 10**12, "lr": (1, -5, b"ab"),
          "callbacks": {torch.optim.AdamW: {"x": [1, 2.5, None, True, {1, 2}], "d": torch.device("cpu")}}}
torch.save(around | {"state_dict": tensors}, "lightning.ckpt")
torch.save(tensors, "protocol4.pt", pickle_protocol=4)
torch.save({"t": ten.reshape(2, 5).t()}, "transposed.pt")
torch.save(tensors, "before_1_6.pt", _use_new_zipfile_serialization=False)
