"""The built-in sample log: a simulated street in the layout of a real dataset, with its exact truth."""

from .camera_truth import CameraFrame, CameraTruth, Instance
from .kitti360_log import write_kitti360_sample
from .kitti_log import write_semantickitti_sample
from .kitti_raw_log import write_kitti_sample
from .log import MARKER, write_nuscenes_sample
from .truth import Truth, TruthFrame

__all__ = [
    "MARKER",
    "CameraFrame",
    "CameraTruth",
    "Instance",
    "Truth",
    "TruthFrame",
    "write_kitti360_sample",
    "write_kitti_sample",
    "write_nuscenes_sample",
    "write_semantickitti_sample",
]
