"""The decorators, and what they make: two classes per kind, one per colour."""

from stepwell.decorators.declare import step, workflow
from stepwell.decorators.steps import AsyncStep, Step
from stepwell.decorators.workflows import AsyncWorkflow, Workflow

__all__ = ["AsyncStep", "AsyncWorkflow", "Step", "Workflow", "step", "workflow"]
