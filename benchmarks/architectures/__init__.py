"""Published networks made of convolutions, norms and (leaky) ReLUs or SiLUs, written here from their papers.

Each is the module structure people train, down to which activation works in place, since that decides what eager
PyTorch keeps for the backward pass.
"""

from architectures.hifigan import HiFiGANGenerator
from architectures.nnunet import PlainConvUNet3d
from architectures.pix2pix import Pix2PixGenerator
from architectures.resnet import resnet18, resnet50
from architectures.rrdbnet import RRDBNet
from architectures.yolov3 import YOLOv3
from architectures.yolov5 import YOLOv5

__all__ = [
    "HiFiGANGenerator",
    "Pix2PixGenerator",
    "PlainConvUNet3d",
    "RRDBNet",
    "YOLOv3",
    "YOLOv5",
    "resnet18",
    "resnet50",
]
