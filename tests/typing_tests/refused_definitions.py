"""What the decorators do not take is reported where it is written."""

from stepwell.decorators import step, workflow

workflow("name")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
workflow(nam="x")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
workflow(timeout="3s")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
step(retry="3")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
step(version="2")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
step(3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
