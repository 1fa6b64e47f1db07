"""Checks that no two boxes with a border cover each other, and all stand inside the picture."""
import os, sys, xml.dom.minidom

for path in sys.argv[1:]:
    root = xml.dom.minidom.parse(path).documentElement
    width, height = (float(root.getAttribute(name)) for name in ("width", "height"))
    boxes = []
    for rect in root.getElementsByTagName("rect"):
        if rect.hasAttribute("stroke") and float(rect.getAttribute("height")) > 20:
            x, y, w, h = (float(rect.getAttribute(name)) for name in ("x", "y", "width", "height"))
            boxes.append((x, y, x + w, y + h))
    for i, a in enumerate(boxes):
        if not (0 <= a[0] and a[2] <= width and 0 <= a[1] and a[3] <= height):
            sys.exit(f"{path}: {a} is outside of {width} x {height}")
        for b in boxes[:i]:
            if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
                sys.exit(f"{path}: {a} covers {b}")
    assert len(boxes) > 3, path
    print("boxes are apart in", os.path.basename(path))
