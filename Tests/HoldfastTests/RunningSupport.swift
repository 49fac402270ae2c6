import Foundation
import Logging
import RedisLink
import ServiceLifecycle
import Synchronization
import Testing

@testable import Holdfast

extension Holdfast {
    /// Runs the workers and handlers while `body` does something, then shuts down gracefully and waits for
    /// the end.
    func whileRunning(_ body: () async throws -> Void) async throws {
        let group = ServiceGroup(services: [self], logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body()
            } catch {
                tasks.cancelAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// What handlers and workers saw, in order.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock { $0.count } }
}

/// Keeps what is logged, each line with its level in front.
struct Lines: LogHandler {
    let lines: Record<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level): \(event.message)") }
}

/// Holds those who wait for it until it is opened.
final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)

    func open() { isOpen.store(true, ordering: .releasing) }

    /// Returns when the gate is open; throws when the task is cancelled first.
    func pass() async throws {
        while !isOpen.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

extension RedisScript {
    /// The same script with one line changed for the worse, to show that a test notices.
    func broken(_ line: String, _ replacement: String) throws -> RedisScript {
        let parts = source.components(separatedBy: line)
        try #require(parts.count == 2, "the line to break stands once in \(name).lua")
        return RedisScript(name: "broken \(name)", source: parts.joined(separator: replacement))
    }
}
