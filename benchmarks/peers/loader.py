"""One pass over the JPEGs of a folder as PyTorch's tutorials do it: Pillow in a Dataset, a DataLoader with workers.

loader.py FOLDER CROP     CROP: side of the centre square, as a part of the width. Prints the seconds, with listing
                          the folder and starting the workers.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Folder(Dataset):
    """The pictures below a folder, cropped, shrunk to 64x64, as float32 (3, 64, 64) in [0, 1]."""

    def __init__(self, folder, crop):
        self.paths, self.crop = sorted(Path(folder).rglob("*.jpg")), crop

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            side, (width, height) = round(self.crop * image.width), image.size
            left, top = (width - side) // 2, (height - side) // 2
            image = (
                image.convert("RGB").crop((left, top, left + side, top + side)).resize((64, 64), Image.BOX)
            )
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


if __name__ == "__main__":
    start = time.perf_counter()
    dataset = Folder(sys.argv[1], float(sys.argv[2]))
    for _ in DataLoader(dataset, batch_size=64, shuffle=True, num_workers=os.cpu_count() or 1):
        pass
    print(time.perf_counter() - start)
