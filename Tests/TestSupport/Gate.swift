internal import Synchronization

/// Holds the tasks that wait for it until it is opened.
package final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    package init() {}

    package func open() { isOpen.store(true, ordering: .releasing) }

    /// Returns when the gate is open; throws when the task is cancelled first.
    package func pass() async throws {
        while !isOpen.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
    }
}
