"""Train the digits network and write weights.npz: NumPy only, about ten seconds, the same weights every time.

The network is dense 64 -> 32, gelu (exact, erf), dense 32 -> 10, softmax. 500 images, drawn with the fixed seed, are
never trained on; their indices are stored with the weights, so that demo.py measures on exactly those.
"""

import math
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEED = 1797
HIDDEN = 32
HELD_OUT = 500
STEPS = 400
RATE = 0.01  # of Adam
DECAY = 2e-3  # pull of the weights towards zero

erf = np.vectorize(math.erf, otypes=[np.float64])


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return the images as rows of 64 values from 0 to 1, and their labels."""
    data = np.load(HERE / "digits.npz")
    return data["images"].reshape(-1, 64) / 16.0, data["labels"]


def softmax(z: np.ndarray) -> np.ndarray:
    weights = np.exp(z - z.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def gradients(parameters: list[np.ndarray], images: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """Return the gradient of the mean cross-entropy, plus decay, for each parameter."""
    w1, b1, w2, b2 = parameters
    z = images @ w1.T + b1
    phi = 0.5 * (1 + erf(z / math.sqrt(2)))  # gelu(z) = z * phi(z)
    hidden = z * phi
    error = (softmax(hidden @ w2.T + b2) - targets) / len(images)
    slope = phi + z * np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    back = error @ w2 * slope
    return [back.T @ images + DECAY * w1, back.sum(axis=0), error.T @ hidden + DECAY * w2, error.sum(axis=0)]


def train(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return w1, b1, w2, b2 after STEPS steps of Adam on all images at once."""
    targets = np.eye(10)[labels]
    parameters = [
        rng.normal(0, math.sqrt(1 / 64), (HIDDEN, 64)),
        np.zeros(HIDDEN),
        rng.normal(0, math.sqrt(1 / HIDDEN), (10, HIDDEN)),
        np.zeros(10),
    ]
    means = [np.zeros_like(p) for p in parameters]
    squares = [np.zeros_like(p) for p in parameters]
    for step in range(1, STEPS + 1):
        for p, g, mean, square in zip(parameters, gradients(parameters, images, targets), means, squares, strict=True):
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            p -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return parameters


def accuracy(parameters: list[np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    w1, b1, w2, b2 = parameters
    z = images @ w1.T + b1
    hidden = z * 0.5 * (1 + erf(z / math.sqrt(2)))
    return float(np.mean((hidden @ w2.T + b2).argmax(axis=1) == labels))


def main() -> None:
    images, labels = load()
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(images))
    held_out, training = np.sort(order[:HELD_OUT]), order[HELD_OUT:]
    parameters = train(images[training], labels[training], rng)
    print(f"trained on {len(training)} images: {accuracy(parameters, images[training], labels[training]):.1%}")
    print(f"held out   {len(held_out)} images: {accuracy(parameters, images[held_out], labels[held_out]):.1%}")
    weights = {name: p.astype(np.float32) for name, p in zip(("w1", "b1", "w2", "b2"), parameters, strict=True)}
    np.savez_compressed(HERE / "weights.npz", held_out=held_out.astype(np.int16), **weights)


if __name__ == "__main__":
    main()
