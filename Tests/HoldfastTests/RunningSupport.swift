import Foundation
import Logging
import RedisLink
import ServiceLifecycle
import TestSupport
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

extension RedisScript {
    /// The same script with one line changed for the worse, to show that a test notices.
    func broken(_ line: String, _ replacement: String) throws -> RedisScript {
        let parts = source.components(separatedBy: line)
        try #require(parts.count == 2, "the line to break stands once in \(name).lua")
        return RedisScript(name: "broken \(name)", source: parts.joined(separator: replacement))
    }
}
