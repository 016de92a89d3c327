"""A network of your own in block strings: what it costs, and how fast it is beside MobileNetV2.

python examples/02_your_own_network.py [RESOLUTION]
"""

import sys

from pocketnas.arch import from_lines
from pocketnas.devices import HostDevice
from pocketnas.graph import madds, parameters
from pocketnas.tflite import write
from pocketnas.zoo import mobilenet_v2

# docs/notation.md explains the strings: MobileNetV3's stem, a few MBConv stages, 1,000 classes.
LINES = """\
in_p{resolution}_c3
cn_k3_s2_c16_nhs
ds_k3_c16_nre
ir_r2_k3_s2_e4_c24_nre
ir_r3_k5_s2_e3_c40_sx0.25_nre_ghs
ir_r3_k3_s2_e6_c80_nhs
ir_r2_k5_s2_e6_c160_sx0.25_nhs_ghs
hd_c960_n1000_d0.2_h1280_nhs"""


def main() -> None:
    resolution = int(sys.argv[1]) if len(sys.argv) > 1 else 96
    network = from_lines(LINES.format(resolution=resolution).splitlines())
    graph = network.graph()
    print(f"{parameters(graph):,} parameters, {madds(graph) / 1e6:.1f} M MAdds")

    rival = write(mobilenet_v2(resolution=resolution).graph())
    with HostDevice(rival) as device:
        models = {"float": write(graph), "int8": write(graph, quantize=True)}
        for name, latency in device.compare(models).items():
            pieces = device.inspect(models[name]).partitions
            print(f"{name}: {latency}")
            print(f"  {latency.ratio:.2f} times MobileNetV2's time; XNNPACK runs it in {pieces}")


if __name__ == "__main__":
    main()
