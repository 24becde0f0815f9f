"""The course's network in PyTorch, for ../step.py and ../accelerator.py: prints how many pictures a second it learns.

    python torch_step.py SIZE PRECISION [BATCH]

With BATCH it runs on a GPU, three times, where kernels are replayed as graphs and every fiftieth step waits for them.
"""

import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from step import BATCH, rate  # noqa: E402


class VAE(nn.Module):
    """Convolutions of stride 2 down, dense layers, transposed convolutions up; batch normalization and ReLU between."""

    def __init__(self, size, latent_dim=128):
        super().__init__()
        stages = (size // 4).bit_length() - 1
        channels = [3, *(min(32 * 2**stage, 256) for stage in range(stages))]
        down, up = [], []
        for thin, thick in zip(channels, channels[1:]):
            down += [nn.Conv2d(thin, thick, 3, 2, 1, bias=False), nn.BatchNorm2d(thick), nn.ReLU()]
        for thick, thin in zip(channels[:1:-1], channels[-2:0:-1]):
            up += [nn.ConvTranspose2d(thick, thin, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(thin), nn.ReLU()]
        deepest = channels[-1]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up, nn.ConvTranspose2d(32, 3, 3, 2, 1, 1))
        self.mean, self.log_variance = (nn.Linear(16 * deepest, latent_dim) for _ in range(2))
        self.open = nn.Linear(latent_dim, 16 * deepest, bias=False)
        self.first = nn.Sequential(nn.BatchNorm2d(deepest), nn.ReLU())

    def forward(self, images):
        features = self.down(images).flatten(1)
        mean, log_variance = self.mean(features).float(), self.log_variance(features).float().clamp(-12, 4)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        x = self.open(z).unflatten(1, (-1, 4, 4)).contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.up(self.first(x)).float()), mean, log_variance


def loss(model, images, narrow):
    """The calibrated Gaussian and the KL, in nats per picture, up to a constant; `narrow`: bfloat16 where it serves."""
    with torch.autocast(images.device.type, torch.bfloat16, enabled=narrow):
        reconstructions, mean, log_variance = model(images)
    error = (images - reconstructions).square()
    variance = error.mean().clamp_min(0.0025**2)
    reconstruction = 0.5 * error.sum((1, 2, 3)).mean() / variance
    reconstruction = reconstruction + 0.5 * images[0].numel() * torch.log(variance)
    return reconstruction + 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()


def main(size, precision, batch=None):
    device, mode, count, turns = ("cuda", "reduce-overhead", 50, 3) if batch else ("cpu", None, 1, 1)
    batch = batch or BATCH
    model = VAE(size).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    images = torch.rand(batch, 3, size, size).to(device, memory_format=torch.channels_last)
    compiled = torch.compile(loss, mode=mode)

    def steps():
        for _ in range(count):
            optimizer.zero_grad(set_to_none=True)
            value = compiled(model, images, precision == "bfloat16")
            value.backward()
            optimizer.step()
        return value.item()

    for _ in range(turns):
        print(rate(steps) * count * batch / BATCH)


if __name__ == "__main__":
    size, precision, *batch = sys.argv[1:]
    main(int(size), precision, *map(int, batch))
