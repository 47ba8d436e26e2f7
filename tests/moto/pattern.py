"""Says of each event in a file, one a line, whether a pattern of EventBridge takes it, as moto matches them."""

import json
import sys

from moto.events.models import EventPattern

with open(sys.argv[1], encoding="ascii") as file:
    lines = [json.loads(line) for line in file]
pattern, events = lines[0], lines[1:]
matcher = EventPattern.load(json.dumps(pattern))
print(json.dumps([bool(matcher.matches_event(event)) for event in events]))
