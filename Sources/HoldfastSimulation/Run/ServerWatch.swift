internal import Holdfast
internal import RedisLink

/// Detects a server that no longer works, by a write every second: it is gone, or its disk or its memory is
/// full. Without a server no promise can be kept or broken, so the run ends.
struct ServerWatch {
    private let server: SimulationServer
    private let holdfast: Holdfast
    private var lastTried = ContinuousClock.now
    private var lastWorked = ContinuousClock.now

    init(_ server: SimulationServer, _ holdfast: Holdfast) {
        self.server = server
        self.holdfast = holdfast
    }

    mutating func look() async throws {
        guard ContinuousClock.now - lastTried >= Self.pause else { return }
        defer { lastTried = .now }
        do throws(RedisError) {
            _ = try await holdfast.core.link.send(["SET", .string("\(server.namespace):probe"), "1"])
            lastWorked = .now
        } catch  where error.code == .permissionDenied {
            // It answers, though this user may not write that.
            lastWorked = .now
        } catch {
            guard ContinuousClock.now - lastWorked > Self.patience else { return }
            throw SimulationError(
                .serverFailed, "redis-server does not work any more: \(error)\(server.lastWords)")
        }
    }

    private static let pause = Duration.seconds(1)
    /// Longer than a slow server, or one that is being restarted, needs.
    private static let patience = Duration.seconds(10)
}
