package import Testing

/// Asks again until `condition` holds.
///
/// - Returns: false when it did not in time, which only a failure takes.
package func eventually(
    within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return try await condition()
}

/// Waits until `condition` holds. When it does not in time, that is an issue at the caller's line, and the test goes on.
///
/// - Throws: what `condition` throws; `CancellationError` when the task is cancelled.
package func eventually(
    _ what: Comment, within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let holds = try await eventually(within: limit) {
        try Task.checkCancellation()
        return try await condition()
    }
    if !holds { Issue.record("never happened: \(what)", sourceLocation: sourceLocation) }
}
