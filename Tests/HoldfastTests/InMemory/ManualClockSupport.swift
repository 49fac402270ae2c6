import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// Instances of one service that go by `clock`, running while `body` does something.
func whileRunning(
    _ count: Int, _ clock: ManualClock, add: (Holdfast) -> Void,
    _ body: (InMemoryRedis, Holdfast) async throws -> Void
) async throws {
    let memory = try InMemoryRedis(clock: clock, logger: .quiet)
    let first = try memory.holdfast()
    add(first)
    let others = try (1..<count).map { _ in try memory.holdfast() }
    for holdfast in others { add(holdfast) }
    try await first.whileRunning {
        let running = others.map { holdfast in Task { try await holdfast.run() } }
        try await body(memory, first)
        for task in running { task.cancel() }
        for task in running { try await task.value }
    }
}

/// Takes a while of real time, also in a task that is cancelled, as code does that puts things in order.
func tidyUp() async {
    await Task { try? await Task.sleep(for: .milliseconds(50)) }.value
}
