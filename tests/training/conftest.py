"""Trainings of tiny networks: more threads would cost more than they give."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
