import Foundation

/// What an instance reads from its environment.
struct Settings: Sendable {
    /// The instance's name in the logs.
    var instance = Settings.text("INSTANCE", "\(ProcessInfo.processInfo.processIdentifier)")
    var redis = Settings.text("REDIS_URL", "redis://localhost")
    var database = Settings.text("DATABASE", "users.sqlite")
    /// How often it looks for passive users.
    var period = Duration.milliseconds(Settings.number("PERIOD_MS", 600_000))
    /// How long the work of an instance that died waits before another one takes it over.
    var lease = Duration.milliseconds(Settings.number("LEASE_MS", 30_000))
    /// Simulates work that takes time, so that a kill finds something under way. A real service has enough of
    /// it.
    var slowness = Duration.milliseconds(Settings.number("SLOWNESS_MS", 0))

    private static func text(_ name: String, _ otherwise: String) -> String {
        ProcessInfo.processInfo.environment[name] ?? otherwise
    }

    private static func number(_ name: String, _ otherwise: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
    }
}
