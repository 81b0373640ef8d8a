"""Write resources/models/catalogue.json anew after weights were built: python -m installer.update_catalogue"""

from __future__ import annotations

from engine.paths import shipped_models
from engine.weights import refresh

if __name__ == "__main__":
    for file in refresh(shipped_models()):
        print(f"{file.sha256[:12]}  {file.size:>10}  {file.path}")
