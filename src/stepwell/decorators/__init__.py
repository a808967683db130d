"""The decorators, and what they make: two classes per kind, one per colour."""

from stepwell.decorators.declare import step, workflow
from stepwell.decorators.declare_transaction import transaction
from stepwell.decorators.steps import AsyncStep, Step
from stepwell.decorators.transactions import AsyncTransaction, Transaction
from stepwell.decorators.workflows import AsyncWorkflow, Workflow

__all__ = [
    "AsyncStep",
    "AsyncTransaction",
    "AsyncWorkflow",
    "Step",
    "Transaction",
    "Workflow",
    "step",
    "transaction",
    "workflow",
]
