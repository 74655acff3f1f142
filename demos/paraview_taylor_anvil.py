# SPDX-License-Identifier: MIT
"""Shows the Taylor anvil's output in ParaView without a window: arrays, then a picture.

    pvbatch demos/paraview_taylor_anvil.py results/taylor_anvil/anvil.xdmf picture.png

It lists the arrays at each time, warps the body by u, cuts it open along its axis, colours it by
sigma_M and saves the picture of the last time. ParaView runs this file, so it imports nothing else.
"""

import argparse
import sys

from paraview import simple

# ParaView's default reader of .xdmf, and the newer one.
READERS = {
    "xdmf2": lambda files: simple.XDMFReader(FileNames=files),
    "xdmf3": lambda files: simple.Xdmf3ReaderS(FileName=files),
}


def options_from(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("xdmf", nargs="?", default="results/taylor_anvil/anvil.xdmf")
    parser.add_argument("picture", nargs="?", default="taylor_anvil_paraview.png")
    parser.add_argument("--reader", choices=tuple(READERS), default="xdmf2")
    return parser.parse_args(argv)


def list_arrays(reader):
    """Print the arrays at each time; the times."""
    times = list(reader.TimestepValues)
    for time in times:
        reader.UpdatePipeline(time)
        kinds = ((reader.PointData, "nodes"), (reader.CellData, "cells"))
        found = {kind: sorted(data.keys()) for data, kind in kinds}
        print(f"time {time:g}: {found}", flush=True)
        for name, kind in (("u", "nodes"), ("sigma_M", "cells")):
            if name not in found[kind]:
                sys.exit(f"time {time:g}: the {kind} have no array {name}")
    if not times:
        sys.exit("the file holds no times")
    return times


def save_picture(reader, time, path):
    """The body opened along its axis, warped by u and coloured by sigma_M."""
    warped = simple.WarpByVector(Input=reader, Vectors=["POINTS", "u"], ScaleFactor=1.0)
    half = simple.Clip(Input=warped, ClipType="Plane")
    # A little off the axis: faces of cells lie in the plane y = 0 itself.
    half.ClipType.Origin = [0.0, 0.02, 0.0]
    half.ClipType.Normal = [0.0, -1.0, 0.0]
    view = simple.CreateRenderView(ViewSize=[700, 1400])
    view.Background = [1.0, 1.0, 1.0]
    view.UseColorPaletteForBackground = 0
    view.OrientationAxesVisibility = 0
    view.ViewTime = time
    half.UpdatePipeline(time)
    shown = simple.Show(half, view)
    shown.SetRepresentationType("Surface With Edges")
    shown.EdgeColor = [0.3, 0.3, 0.3]
    simple.ColorBy(shown, ("CELLS", "sigma_M"))
    shown.RescaleTransferFunctionToDataRange(False, True)
    shown.SetScalarBarVisibility(view, True)
    bar = simple.GetScalarBar(simple.GetColorTransferFunction("sigma_M"), view)
    bar.Title, bar.ComponentTitle = "sigma_M [GPa]", ""
    bar.WindowLocation = "Any Location"
    bar.Position, bar.ScalarBarLength = [0.82, 0.3], 0.4
    bar.TitleColor = bar.LabelColor = [0.0, 0.0, 0.0]
    low, high = half.GetDataInformation().GetBounds()[4:]
    middle = 0.5 * (low + high)
    view.CameraFocalPoint = [0.0, 0.0, middle]
    view.CameraPosition = [0.0, -3.0 * (high - low), middle + 0.6 * (high - low)]
    view.CameraViewUp = [0.0, 0.0, 1.0]
    view.CameraViewAngle = 22.0
    simple.SaveScreenshot(path, view)
    print(f"picture: {path}", flush=True)


def main(argv):
    options = options_from(argv)
    reader = READERS[options.reader]([options.xdmf])
    times = list_arrays(reader)
    save_picture(reader, times[-1], options.picture)


main(sys.argv[1:])
