"""Four face VAEs that a reader would find elsewhere, written anew in PyTorch: what ../time_to_quality.py compares with.

    keras   the Keras example "Variational AutoEncoder" (keras.io): two convolutions, cross-entropy; its two latent
            numbers made 128, and the 16 units before them 128, too, since fewer would let less through. On faces 120 to
            127 of these units fall silent within five steps (rectified, never above zero again), with PyTorch's initial
            weights as with Keras's, two seeds each; how well it does depends on how many are left
    book    the face VAE of Foster, "Generative Deep Learning", 2nd edition, in its form for 64 pixels: five
            convolutions of 64 filters, latent 200
    dcgan   four convolutions of 4x4 with batch normalization and leaky ReLU, mirrored: the VAE of many PyTorch
            repositories, with the widths of DCGAN (Radford et al. 2016) and the loss of PyTorch's own example
    wae     the CelebA network of Tolstikhin et al. 2018, "Wasserstein auto-encoders", with the 4x4 kernels that pythae
            gives its encoder; loss (MMD, lambda 10), rate and batch of the authors' code, without its pretraining

Losses, rates and batches are those published with each, without augmentation, as published; all train channels last,
compiled, in the number format of PRECISION (bfloat16 or float32), on pictures that lie in memory. Run as

    vaes.py train NAME FOLDER PRECISION COUNT...   train until the last COUNT of pictures; FOLDER/NAME-COUNT.pt at each
    vaes.py encode NAME FOLDER COUNT               FOLDER/NAME-COUNT.npz: means and log-variances of the codes of
                                                   FOLDER/train.npy, and means (held) of held.npy
    vaes.py decode NAME FOLDER COUNT CODES.npy OUT.npy
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def down(widths, kernel, activation, normalize=True):
    """Return convolutions of stride 2 from 3 channels through `widths`, each with its activation."""
    layers = []
    for thin, thick in zip((3, *widths), widths):
        layers.append(nn.Conv2d(thin, thick, kernel, 2, 1))
        layers += [nn.BatchNorm2d(thick)] if normalize else []
        layers.append(activation())
    return layers


def up(widths, kernel, activation, normalize=True):
    """Return transposed convolutions that double the side, from channels `widths[0]` through the others."""
    layers = []
    for thick, thin in zip(widths, widths[1:]):
        layers.append(nn.ConvTranspose2d(thick, thin, kernel, 2, (kernel - 1) // 2, kernel % 2))
        layers += [nn.BatchNorm2d(thin)] if normalize else []
        layers.append(activation())
    return layers


class Peer(nn.Module):
    """An encoder and a decoder with a loss. `side`, `depth`: of the map between convolutions and dense layers."""

    batch, rate, betas, hidden = 128, 1e-3, (0.9, 0.999), None

    def __init__(self, encoder, decoder, side, depth, latent, opening=None):
        super().__init__()
        first_side, first_depth = opening or (side, depth)
        self.first, self.latent = (first_depth, first_side, first_side), latent
        self.encoder, self.decoder = nn.Sequential(*encoder, nn.Flatten()), nn.Sequential(*decoder)
        width = side * side * depth
        if self.hidden:
            self.encoder.extend([nn.Linear(width, self.hidden), nn.ReLU()])
            width = self.hidden
        self.mean, self.log_variance = nn.Linear(width, latent), nn.Linear(width, latent)
        self.open = nn.Linear(latent, int(np.prod(self.first)))

    def encode(self, images):
        features = self.encoder(images)
        return self.mean(features).float(), self.log_variance(features).float()

    def logits(self, z):
        x = self.open(z).unflatten(1, self.first).contiguous(memory_format=torch.channels_last)
        return self.decoder(x).float()

    def decode(self, z):
        return torch.sigmoid(self.logits(z))

    def forward(self, images, narrow):
        """Return the loss of a batch in [0, 1]; `narrow`: bfloat16 where it serves."""
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            mean, log_variance = self.encode(images)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            logits = self.logits(z)
        kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()
        return self.error(images, logits) + kl

    def error(self, images, logits):
        """The cross-entropy of values as probabilities, summed over a picture."""
        return functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)


class KerasExample(Peer):
    hidden = 128

    def __init__(self):
        encoder = down((32, 64), 3, nn.ReLU, normalize=False)
        decoder = [*up((64, 64, 32), 3, nn.ReLU, normalize=False), nn.Conv2d(32, 3, 3, 1, 1)]
        decoder.insert(0, nn.ReLU())
        super().__init__(encoder, decoder, 16, 64, 128)

    def error(self, images, logits):
        """Keras's loss is a mean over the channels; the example sums it over rows and columns."""
        return super().error(images, logits) / 3


class Book(Peer):
    rate = 5e-4

    def __init__(self):
        widths = (64,) * 5
        encoder = down(widths, 3, lambda: nn.LeakyReLU(0.3))
        decoder = up((64, *widths), 3, lambda: nn.LeakyReLU(0.3))
        super().__init__(encoder, [*decoder, nn.Conv2d(64, 3, 3, 1, 1)], 2, 64, 200)
        self.open = nn.Sequential(self.open, nn.BatchNorm1d(256), nn.LeakyReLU(0.3))

    def error(self, images, logits):
        return 2000 * (images - torch.sigmoid(logits)).square().mean()


class Dcgan(Peer):
    def __init__(self):
        encoder = down((64, 128, 256, 512), 4, lambda: nn.LeakyReLU(0.2))
        decoder = up((512, 256, 128, 64), 4, nn.ReLU)
        super().__init__(encoder, [*decoder, nn.ConvTranspose2d(64, 3, 4, 2, 1)], 4, 512, 128)


class Wasserstein(Peer):
    batch, rate, betas = 64, 1e-4, (0.5, 0.999)

    def __init__(self):
        encoder = down((128, 256, 512, 1024), 4, nn.ReLU)
        decoder = [nn.ReLU(), *up((1024, 512, 256, 128), 5, nn.ReLU)]
        super().__init__(encoder, [*decoder, nn.Conv2d(128, 3, 5, 1, 2)], 4, 1024, 64, opening=(8, 1024))

    def encode(self, images):
        mean = self.mean(self.encoder(images)).float()
        return mean, torch.full_like(mean, -100.0)  # no noise

    def forward(self, images, narrow):
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            z, _ = self.encode(images)
            logits = self.logits(z)
        error = 4 * (images - torch.sigmoid(logits)).square().sum((1, 2, 3)).mean()  # of values in [-1, 1]
        return 0.05 * error + 10 * discrepancy(z, torch.randn_like(z))


def discrepancy(z, prior):
    """The maximum mean discrepancy of two samples of equal size, with inverse multiquadratics of seven widths."""
    count, total = len(z), 0.0
    off = 1 - torch.eye(count)
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        width = 2 * z.shape[1] * scale
        own = sum(off * width / (width + torch.cdist(a, a).square()) for a in (z, prior))
        total = total + own.sum() / (count * (count - 1))
        total = total - 2 * (width / (width + torch.cdist(z, prior).square())).mean()
    return total


PEERS = {"keras": KerasExample, "book": Book, "dcgan": Dcgan, "wae": Wasserstein}


def train(name, folder, precision, *counts):
    """Train one peer until the last count of pictures; weights are kept at each, and the clock stands meanwhile."""
    torch.manual_seed(0)
    images = torch.from_numpy(np.load(folder / "train.npy")).permute(0, 3, 1, 2)
    images = images.contiguous(memory_format=torch.channels_last)
    model = PEERS[name]().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), model.rate, model.betas, fused=True)
    compiled, counts = torch.compile(model), sorted(map(int, counts))
    steps, order, paused, start = 0, None, 0.0, time.perf_counter()
    while counts:
        at = steps * model.batch % (len(images) - model.batch + 1)
        order = torch.randperm(len(images)) if at < model.batch else order
        batch = images[order[at : at + model.batch]].contiguous(memory_format=torch.channels_last) / 255
        optimizer.zero_grad(set_to_none=True)
        compiled(batch, precision == "bfloat16").backward()
        optimizer.step()
        steps += 1
        while counts and steps * model.batch >= counts[0]:
            now = time.perf_counter()
            torch.save(model.state_dict(), folder / f"{name}-{counts.pop(0)}.pt")
            print(json.dumps({"seconds": now - start - paused, "pictures": steps * model.batch}), flush=True)
            paused += time.perf_counter() - now


def trained(name, folder, count):
    model = PEERS[name]()
    model.load_state_dict(torch.load(folder / f"{name}-{count}.pt"))
    return model.eval()


def encode(name, folder, count):
    """Write the codes of the training and the held-out pictures."""
    model, found = trained(name, folder, count), {}
    for part in ("train", "held"):
        images = torch.from_numpy(np.load(folder / f"{part}.npy")).permute(0, 3, 1, 2)
        parts = zip(*(model.encode(block / 255) for block in images.split(256)))
        found[part] = [torch.cat(part).numpy() for part in parts]
    (mean, log_variance), (held, _) = found["train"], found["held"]
    np.savez(folder / f"{name}-{count}.npz", mean=mean, log_variance=log_variance, held=held)


def decode(name, folder, count, codes, out):
    """Write the faces of codes as uint8."""
    model = trained(name, folder, count)
    faces = torch.cat([model.decode(block) for block in torch.from_numpy(np.load(codes)).float().split(256)])
    np.save(out, (255 * faces).round().byte().permute(0, 2, 3, 1).numpy())


if __name__ == "__main__":
    command, peer, place, *rest = sys.argv[1:]
    if command == "train":
        train(peer, Path(place), *rest)
    else:
        with torch.no_grad():
            {"encode": encode, "decode": decode}[command](peer, Path(place), *rest)
