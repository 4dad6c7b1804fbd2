"""The renderer of datasets/make_figures.py: articulated people in 3D, rasterised with a depth buffer, and their true labels.

    poses ──> body (bones) ──> figure (surfaces) ──┐
                                                   ├──> scene ──> raster ──> shading ──> picture
              props, backdrop, camera, light ──────┘                └──> labels ──> COCO annotations

World axes: x to the right, y up, z towards the viewer (right-handed), metres. A person's own axes: x to the person's left,
y up, z forward, so that a person with yaw 0 faces the viewer and has the left shoulder at the larger x of the picture.
"""

import os

# One thread a process: the arrays are too small for more, and workers share the machine. Read by numpy when it is first loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
