#!/bin/sh
# The whole pipeline on real photos: data to bundle, then four photos that nothing was chosen with.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build
recipe=models/solar-cells/recipe.toml
bundle=build/solar-cells.edgetl
answer=build/solar-cells.deploy.json
rm -f "$bundle"

# One int8 graph for CPUs with VNNI and one for those without: whoever tries this has either.
both='quantize.renderings=["x86-vnni", "x86"]'
echo "\$ edgetl deploy $recipe --set '$both' -o $bundle"
started=$(date +%s)
code=0
edgetl deploy "$recipe" --set "$both" -o "$bundle" --json > "$answer" || code=$?
echo "deploy took $(($(date +%s) - started)) s"

if [ "$code" -eq 0 ]; then
  echo "\$ edgetl predict $bundle FOUR HELD-OUT PHOTOS"
  python - "$answer" > build/solar-cells.held-out.txt <<'PYTHON'
import json, sys

for image in json.load(open(sys.argv[1], encoding="utf-8"))["prepared"]["held_out"][:4]:
    print(image["path"], image["label"], sep="\t")
PYTHON
  cut -f 1 build/solar-cells.held-out.txt | tr '\n' '\0' | xargs -0 edgetl predict "$bundle" --quiet
  echo "Their labels are: $(cut -f 2 build/solar-cells.held-out.txt | tr '\n' ' ')"
  echo
elif [ "$code" -ne 3 ] || [ ! -f "$bundle" ]; then
  exit "$code"
fi

# Nothing changed, so this only shows what was found, also when a gate failed.
edgetl deploy "$recipe" --set "$both" -o "$bundle" --quiet || code=$?
exit "$code"
