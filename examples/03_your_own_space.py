"""A search space of your own is one function. Real trainings on digits, in ten seconds:

    python examples/03_your_own_space.py

The same function in a whole run, on your own images:

    pocketnas search --space examples/03_your_own_space.py:small --data PHOTOS
"""

from pocketnas.arch import Architecture, to_lines
from pocketnas.arch.scaling import build
from pocketnas.data.load import load, split
from pocketnas.devices import HostDevice
from pocketnas.search.evolution import Evolution
from pocketnas.search.reward import soft
from pocketnas.spaces import Choose, Space
from pocketnas.study.study import Study, search
from pocketnas.study.trial import each
from pocketnas.tflite import write
from pocketnas.train.augment import Augmentation
from pocketnas.train.recipe import Recipe
from pocketnas.train.score import accuracy
from pocketnas.train.trainer import train


def small(choose: Choose, *, resolution=28, classes=10, channels=1) -> Architecture:
    """Three stages that halve the map; each decides its kind, kernel, layers and width."""
    lines = []
    for i, filters in enumerate((12, 24, 48)):
        kind = choose(f"stage{i}.kind", ("cn", "ds", "ir_e3"))
        kernel = choose(f"stage{i}.kernel", (3, 5))
        layers = choose(f"stage{i}.layers", (1, 2))
        width = int(filters * choose(f"stage{i}.width", (0.75, 1.0, 1.5)))
        lines.append(f"{kind}_r{layers}_k{kernel}_s2_c{width}")
    return build(lines, resolution=resolution, classes=classes, channels=channels, stem=8, head=96)


def main() -> None:
    space, study, images = Space("small", small), Study(), load("mnist5k")
    parts, recipe = split(images, seed=0), Recipe(1, augmentation=Augmentation(flip=False))
    first = space.decode((0,) * len(space.decisions)).graph()
    with HostDevice(write(first)) as device:  # each latency is measured in turn with this network's

        def evaluate(network: Architecture) -> tuple[float, float]:
            trained = train(network.graph(), images, parts.train, recipe, seed=0)
            milliseconds = device.measure(write(network.graph())).milliseconds
            return accuracy(trained, images, parts.validation), milliseconds

        reward = soft(target=device.reference_ms)
        search(space, Evolution(space.decisions), each(evaluate), reward, study, trials=4)
    print(f"4 of {space.size:,} networks tried; none beats")
    for trial in study.pareto():
        stages = ", ".join(to_lines(space.decode(trial.genotype))[2:-1])
        print(f"  {trial.outcome.latency:.3f} ms  {trial.outcome.accuracy:.1%}  {stages}")


if __name__ == "__main__":
    main()
