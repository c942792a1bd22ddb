#!/bin/sh
# The whole pipeline on real photos: data to bundle, then four photos that nothing was chosen with.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build
bundle=build/solar-cells.edgetl

echo "\$ edgetl deploy models/solar-cells/recipe.toml -o $bundle"
edgetl deploy models/solar-cells/recipe.toml -o "$bundle" --json > build/solar-cells.deploy.json

echo "\$ edgetl predict $bundle FOUR HELD-OUT PHOTOS"
python - build/solar-cells.deploy.json > build/solar-cells.held-out.txt <<'PYTHON'
import json, sys

for image in json.load(open(sys.argv[1], encoding="utf-8"))["prepared"]["held_out"][:4]:
    print(image["path"], image["label"], sep="\t")
PYTHON
cut -f 1 build/solar-cells.held-out.txt | tr '\n' '\0' | xargs -0 edgetl predict "$bundle" --quiet
echo "Their labels are: $(cut -f 2 build/solar-cells.held-out.txt | tr '\n' ' ')"
echo

# Nothing changed, so this only shows what was found.
edgetl deploy models/solar-cells/recipe.toml -o "$bundle" --quiet
