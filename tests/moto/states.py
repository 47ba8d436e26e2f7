"""Reads definitions in the Amazon States Language with the grammar that moto has of it, and fails where one is none."""

import sys

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

for path in sys.argv[1:]:
    with open(path, encoding="ascii") as file:
        AmazonStateLanguageParser.parse(file.read())
