/// How an instant of `ContinuousClock` is kept by what is made or moved for each command.
///
/// The clock's own type has no layout that the compiler may rely on: whatever holds one is copied and destroyed
/// by way of tables, and an async function that has one takes memory for it at run time. This has, and a
/// `Duration` has.
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

    /// What `$` in front of the name gives.
    package var projectedValue: Moment { self }

    package static func < (one: Moment, other: Moment) -> Bool { one.sinceOrigin < other.sinceOrigin }
}
