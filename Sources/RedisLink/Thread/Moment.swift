/// An instant of `ContinuousClock`, as it is stored in values that are made or moved for each command.
///
/// The clock's own type has no layout that the compiler may rely on: a value that holds one is copied and
/// destroyed by way of tables, and an async function that has one allocates memory for it at run time. This
/// type has such a layout, as `Duration` does.
@propertyWrapper
package struct Moment: Sendable, Hashable, Comparable {
    private static let origin = ContinuousClock.now

    private var sinceOrigin: Duration

    package init(wrappedValue: ContinuousClock.Instant) {
        sinceOrigin = wrappedValue - Self.origin
    }

    package var wrappedValue: ContinuousClock.Instant {
        get { Self.origin + sinceOrigin }
        set { self = Moment(wrappedValue: newValue) }
    }

    /// The moment itself, for `$` in front of the name.
    package var projectedValue: Moment { self }

    package static func < (one: Moment, other: Moment) -> Bool { one.sinceOrigin < other.sinceOrigin }
}
