package import Logging

/// Gets each event of a client, on the thread where it happens, which may be that of the link: it must return at once.
package struct Observer: Sendable {
    fileprivate let observe: @Sendable (any HoldfastEvent) -> Void

    package init(_ observe: @escaping @Sendable (any HoldfastEvent) -> Void) { self.observe = observe }

    /// A line in the log for each event.
    package static func log(to logger: Logger) -> Observer {
        Observer { event in
            guard logger.logLevel <= event.level else { return }
            logger.log(level: event.level, "\(event.words)", metadata: event.metadata)
        }
    }
}

/// The observers of a client, in the order in which they get its events.
package struct Observers: Sendable {
    private let observers: [Observer]

    package init(_ observers: Observer...) { self.observers = observers }

    package func tell(_ event: some HoldfastEvent) {
        for observer in observers { observer.observe(event) }
    }
}
