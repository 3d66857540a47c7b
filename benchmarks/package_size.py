"""What is uploaded to Lambda, zipped, for each processor it can run on."""

from collections.abc import Sequence

from benchmarks.report import Figure, Finding, Goal
from deploy.package import Package

MEGABYTE = 1_000_000
MOST = 15.0


def judge(packages: Sequence[Package]) -> Finding:
    figures = [
        Figure(
            name=f"zipped, {package.architecture}",
            value=package.size / MEGABYTE,
            unit="MB",
            goal=Goal(limit=MOST),
        )
        for package in packages
    ]
    note = "boto3 comes from Lambda's own runtime; bytecode is part of the package."
    return Finding(title="Deployment package", figures=figures, notes=[note])
