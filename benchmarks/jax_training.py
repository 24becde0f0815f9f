"""The course's training by Keras on JAX, on an accelerator; started as accelerator.py says.

All pictures lie in the accelerator's memory as uint8, and an epoch is one compiled call that shuffles, chooses, changes
and learns. Networks, losses, rates and changes of pictures are those of `train`.
"""

import argparse
import collections
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
from jax import lax

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

# The module's files import TensorFlow, and use it in training loops and kernels alone: what stands in for it here has
# no kernels and no replicas. The package as a whole refuses JAX, so its files are imported one by one.
sys.modules["tensorflow"] = types.SimpleNamespace(
    raw_ops=None,
    distribute=types.SimpleNamespace(has_strategy=lambda: False, get_replica_context=lambda: None),
    data=types.SimpleNamespace(Dataset=object),
)
package = types.ModuleType("vae_keras")
package.__path__ = [str(HERE.parent / "vae_keras")]
sys.modules["vae_keras"] = package
from vae_keras import model, optimizers, training  # noqa: E402
from vae_keras.sharpening import adversarial  # noqa: E402

del sys.modules["tensorflow"]  # or Keras takes it for the real one
model.BatchNormalization = keras.layers.BatchNormalization

BATCH, REPEATS, OPTIMIZER = 64, 5, "muon"
PRECISION = "mixed_bfloat16"
# (plain, sharpening): the first two are what two cores have time for in 1,800 seconds (CONCLUSIONS.md).
EPOCHS = {"plain": (23, 0), "sharpened": (9, 4), "longest": (50, 100)}


def convolve(images, kernel):
    """Return the convolution of stride 2 that a layer of `Conv2DTranspose` mirrors."""
    return lax.conv_general_dilated(
        images, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@jax.custom_vjp
def widen(maps, kernel):
    """Return the transpose of `convolve` with this kernel: maps (n, h, w, in) to (n, 2 h, 2 w, out)."""
    count, height, width, _ = maps.shape
    larger = jax.ShapeDtypeStruct((count, 2 * height, 2 * width, kernel.shape[2]), maps.dtype)
    return jax.linear_transpose(lambda images: convolve(images, kernel), larger)(maps)[0]


def slopes(kept, slope):
    """Return the gradients of `widen`: a convolution, and the gradient of that one's kernel.

    JAX's own would be a convolution with a kernel as large as the picture (CONCLUSIONS.md).
    """
    maps, kernel = kept
    return convolve(slope, kernel), jax.vjp(lambda kernel: convolve(slope, kernel), kernel)[1](maps)[0]


widen.defvjp(lambda maps, kernel: (widen(maps, kernel), (maps, kernel)), slopes)


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's layer by `widen`: with strides of 2 and padding "same", as all of the course's are."""

    def call(self, inputs):
        assert (self.strides, self.padding) == ((2, 2), "same")
        outputs = widen(inputs, keras.ops.convert_to_tensor(self.kernel))
        outputs = outputs + keras.ops.convert_to_tensor(self.bias) if self.use_bias else outputs
        return self.activation(outputs)


keras.layers.Conv2DTranspose = Conv2DTranspose  # where the course's decoder finds it


def augment(images, key):
    """As `data.augment`: half the pictures mirrored, light and contrast moved. uint8 (n, size, size, 3) to [0, 1]."""
    flip, contrast, brightness = jax.random.uniform(key, (3, len(images), 1, 1, 1))
    images = jax.numpy.where(flip < 0.5, images, images[:, :, ::-1]).astype("float32") / 255
    contrast = 0.9 + 0.2 * contrast
    return jax.numpy.clip((images - 0.5) * contrast + 0.5 + 0.1 * brightness - 0.05, 0, 1)


class Trainer:
    """Learns `groups`, lists of variables, each with an optimizer, of a Keras `model`.

    losses: a function of images that gives a loss for each group. state: the values of everything that changes;
    `step(state, images)` gives the next one.
    """

    def __init__(self, model, groups, optimizers, losses):
        self.groups, self.optimizers, self.losses = groups, optimizers, losses
        for optimizer, group in zip(optimizers, groups):
            optimizer.build(group)
        learned = {id(variable) for group in groups for variable in group}
        self.others = [variable for variable in model.variables if id(variable) not in learned]
        self.parts = [*groups, self.others, *(optimizer.variables for optimizer in optimizers)]
        self.state = [[variable.value for variable in part] for part in self.parts]

    def evaluate(self, values, others, images):
        """Return the losses, and what the variables that are not learned become."""
        variables = [variable for part in (*self.groups, self.others) for variable in part]
        values = [value for part in (*values, others) for value in part]
        with keras.StatelessScope(state_mapping=zip(variables, values)) as scope:
            losses = self.losses(images)
        return losses, [scope.get_current_value(variable) for variable in self.others]

    def step(self, state, images):
        count = len(self.groups)
        values, others, slots = state[:count], state[count], state[count + 1 :]
        losses, back, others = jax.vjp(
            lambda values: self.evaluate(values, others, images), values, has_aux=True
        )
        for place, optimizer in enumerate(self.optimizers):
            alone = tuple(jax.numpy.full_like(loss, place == other) for other, loss in enumerate(losses))
            gradients = back(alone)[0][place]
            values[place], slots[place] = optimizer.stateless_apply(slots[place], gradients, values[place])
        return [*values, others, *slots]

    def epoch(self, state, pictures, key, batch):
        """Take a step on every whole batch of shuffled pictures; return the next state."""
        steps = len(pictures) // batch
        key, other = jax.random.split(key)
        order = jax.random.permutation(key, len(pictures))[: steps * batch].reshape(steps, batch)

        def one(state, drawn):
            rows, key = drawn
            return self.step(state, augment(pictures[rows], key)), None

        return jax.lax.scan(one, state, (order, jax.random.split(other, steps)))[0]

    def repeat(self, state, images, steps):
        """Take so many steps on the same batch: an epoch but for the input."""
        return jax.lax.fori_loop(0, steps, lambda _, state: self.step(state, images), state)

    def fit(self, pictures, epochs, seed=0):
        """Train for so many epochs; return the seconds of compiling and of training."""
        begun = time.perf_counter()
        epoch = jax.jit(self.epoch, static_argnames="batch", donate_argnums=0)
        compiled = epoch.lower(self.state, pictures, jax.random.key(0), batch=BATCH).compile()
        compiling, begun = time.perf_counter() - begun, time.perf_counter()
        for key in jax.random.split(jax.random.key(seed), epochs):
            self.state = compiled(self.state, pictures, key)
        jax.block_until_ready(self.state)
        for part, values in zip(self.parts, self.state):
            for variable, value in zip(part, values):
                variable.assign(value)
        return compiling, time.perf_counter() - begun


def plain(size, pictures, epochs, batch=BATCH, optimizer=OPTIMIZER):
    """Return an untrained VAE as lesson 03 builds it, and its `Trainer`."""
    settings = types.SimpleNamespace(precision=PRECISION, seed=0, image_size=size, latent_dim=128)
    vae = training.build_vae(settings)

    def losses(images):
        terms = vae.compute_terms(images, images, training=True)
        vae.log_sigma.assign(0.9 * vae.log_sigma + 0.1 * model.best_log_sigma(terms["mse"]))
        return (terms["loss"],)

    rate = optimizers.cosine_decay(optimizers.DEFAULT_RATES[optimizer], epochs, batch, pictures)
    optimizer = optimizers.get(optimizer, rate)
    return vae, Trainer(vae, [vae.trainable_variables], [optimizer], losses)


def sharpened(vae, pictures, epochs):
    """Return a copy of a trained VAE with a branch for details, and the `Trainer` of what `sharpening.sharpen` does."""
    sharper = vae.copy_with_details()
    sharpener = adversarial.Sharpener(sharper)

    def losses(images):
        return sharpener.compute_losses(images)[:2]

    rates = [optimizers.cosine_decay(rate, epochs, BATCH, pictures) for rate in adversarial.RATES[OPTIMIZER]]
    chosen = [optimizers.get(OPTIMIZER, rate, beta_1=0.5, beta_2=0.99) for rate in rates]
    groups = [sharper.decoder.trainable_variables, sharpener.discriminator.trainable_variables]
    return sharper, Trainer(sharpener, groups, chosen, losses)


def train(folder, name, pictures):
    """Train one of the models of `EPOCHS` and write its weights; return the seconds that it took."""
    begun, count, (plain_epochs, sharp_epochs) = time.perf_counter(), len(pictures), EPOCHS[name]
    there = jax.device_put(pictures)
    vae, trainer = plain(64, count, plain_epochs)
    compiling, seconds = trainer.fit(there, plain_epochs)
    if sharp_epochs:
        vae, trainer = sharpened(vae, count, sharp_epochs)
        more, longer = trainer.fit(there, sharp_epochs)
        compiling, seconds = compiling + more, seconds + longer
    whole = time.perf_counter() - begun
    for part in ("encoder", "decoder"):
        getattr(vae, part).save_weights(folder / f"{name}-{part}.weights.h5")
    return dict(epochs=f"{plain_epochs} + {sharp_epochs}", compiling=compiling, training=seconds, whole=whole)


def clock(function, *arguments):
    """Return the median seconds of `REPEATS` calls of a compiled function, and their least and most."""
    jax.block_until_ready(function(*arguments))
    found = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        found.append(time.perf_counter() - begun)
    return statistics.median(found), min(found), max(found)


def speeds(size, pictures, batch, optimizer):
    """Return the pictures per second of an epoch and the share of the input in it."""
    count = len(pictures) // batch * batch
    _, trainer = plain(size, len(pictures), 10, batch, optimizer)
    there = jax.device_put(pictures)
    epoch = (
        jax.jit(trainer.epoch, static_argnames="batch")
        .lower(trainer.state, there, jax.random.key(0), batch=batch)
        .compile()
    )
    again = jax.jit(trainer.repeat, static_argnames="steps")
    whole, least, most = clock(epoch, trainer.state, there, jax.random.key(0))
    images = jax.jit(augment)(there[:batch], jax.random.key(0))
    bare, *_ = clock(lambda state: again(state, images, steps=count // batch), trainer.state)
    rates = dict(rate=count / whole, least=count / most, most=count / least)
    return dict(way=f"course, {optimizer.title()}", size=size, batch=batch, **rates, input=1 - bare / whole)


def slowest(size, pictures, batch, steps=4):
    """Return the kernels that take longest in a step: [name, milliseconds, calls], and the milliseconds of all."""
    _, trainer = plain(size, len(pictures), 10, batch)
    step, images = jax.jit(trainer.step), jax.jit(augment)(pictures[:batch], jax.random.key(0))
    state = jax.block_until_ready(step(trainer.state, images))
    taken, calls = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            for _ in range(steps):
                state = step(state, images)
            jax.block_until_ready(state)
        (trace,) = Path(folder).rglob("perfetto_trace.json.gz")
        events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    for event in events:
        if "hlo_op" in event.get("args", {}):
            taken[event["name"]] += event["dur"] / 1000 / steps
            calls[event["name"]] += 1 / steps
    found = [[name, milliseconds, round(calls[name])] for name, milliseconds in taken.most_common(5)]
    return dict(size=size, batch=batch, all=sum(taken.values()), kernels=found)


def peak():
    """Return the operations per second (a multiplication or an addition each) of a large product of matrices."""
    a = jax.random.normal(jax.random.key(0), (8192, 8192), "bfloat16")
    seconds, *_ = clock(jax.jit(lambda a: a @ a), a)
    return 2 * 8192**3 / seconds


def torch_speeds(size, batch):
    """Return the same of the network in PyTorch (peers/torch_step.py), on one batch; None if that fails."""
    command = [sys.executable, HERE / "peers" / "torch_step.py", size, "bfloat16", batch]
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None
    found = [float(line) for line in done.stdout.splitlines()[-3:]]
    rates = dict(rate=statistics.median(found), least=min(found), most=max(found))
    return dict(way="PyTorch, Adam", size=size, batch=batch, **rates)


def run(folder, minutes):
    """Measure and train; keep what was found after every part, so that what stops early has something to show."""
    begun, pictures = time.perf_counter(), np.load(folder / "train.npy")
    found = {"date": time.strftime("%Y-%m-%d"), "device": jax.devices()[0].device_kind}
    found |= {"versions": f"JAX {jax.__version__}, keras {keras.__version__}", "peak": peak()}
    found |= {"speeds": [], "slowest": [], "runs": {}}
    parts = [("runs", train, folder, name, pictures) for name in EPOCHS]
    for batch in (BATCH, 16 * BATCH):
        parts += [
            ("speeds", speeds, 64, pictures, batch, optimizer) for optimizer in optimizers.DEFAULT_RATES
        ]
        parts += [("speeds", torch_speeds, 64, batch)]
    parts += [("slowest", slowest, 64, pictures, batch) for batch in (BATCH, 4 * BATCH)]
    for kind, function, *arguments in parts:
        if time.perf_counter() - begun > 60 * minutes:
            break
        row = function(*arguments)
        print(f"{time.perf_counter() - begun:.0f} s", kind, row, flush=True)
        if kind == "runs":
            found[kind][arguments[1]] = row
        elif row:
            found[kind].append(row)
        (folder / "accelerator.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60, help="after which it begins nothing new")
    options = parser.parse_args()
    run(options.folder, options.minutes)
