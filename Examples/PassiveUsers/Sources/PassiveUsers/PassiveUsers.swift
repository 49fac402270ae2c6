import Foundation
import Holdfast
import Logging
import ServiceLifecycle

/// A service of a shop. Every instance is the same: it checks for passive users from time to time, and books orders.
@main
struct PassiveUsers {
    static func main() async throws {
        let settings = Settings()
        switch CommandLine.arguments.dropFirst().first ?? "serve" {
        case "serve": try await serve(settings)
        default: try await Rehearsal(settings: settings).perform()
        }
    }

    private static func serve(_ settings: Settings) async throws {
        let logger = Logger(label: settings.instance)
        let store = try UserStore(path: settings.database)
        let holdfast = try client(settings, logger)

        holdfast.add(PassiveUserChecker(store: store, settings: settings))
        let consumer = OrderConsumer(store: store, settings: settings)
        holdfast.handle(orders(of: holdfast), options: consumer.options, consumer.book)
        // No order waits for a month, nor is one sent again after that.
        holdfast.add(worker: "inbox-cleaner", .cron("@daily")) { tick in
            try await store.inbox.forget(before: tick.nominal.addingTimeInterval(-30 * 86_400))
        }

        // At SIGTERM nothing new is begun, work under way may finish, and the rest is left to the other
        // instances.
        try await ServiceGroup(
            services: [holdfast], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
        logger.info("Stopped")
    }

    static func client(_ settings: Settings, _ logger: Logger) throws -> Holdfast {
        var configuration = Holdfast.Configuration()
        configuration.service = "passive-users"
        configuration.lease = settings.lease
        return try Holdfast(
            redis: settings.redis, namespace: "shop", configuration: configuration, logger: logger)
    }

    static func orders(of holdfast: Holdfast) -> MessageQueue<OrderPlaced> {
        holdfast.queue("orders")
    }
}
