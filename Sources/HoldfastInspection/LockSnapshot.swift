package import Foundation
package import Holdfast

/// One lock, held or free. As JSON these are documented, stable field names; what is not known is absent.
package struct LockSnapshot: Encodable, Hashable, Sendable {
    package var name: String
    package var held: Bool
    package var host: String?
    package var pid: Int32?
    package var service: String?
    /// The holder's instance id; absent for a client of another kind.
    package var instance: String?
    /// The key's type, if it is not a lock.
    package var keyType: String?
    /// By the clock of this process.
    package var since: Date?
    package var heldForMilliseconds: Int64?
    /// Until the lease ends, unless it is renewed; absent if it has no end.
    package var remainingMilliseconds: Int64?
    package var fence: Int64?
    /// How many wait for it, and the first of them; absent if that was not asked for.
    package var waiting: Int?
    package var waiters: [WaiterSnapshot]?

    /// A lock that nobody holds.
    package init(free name: String) {
        self.name = name
        held = false
    }

    /// A lock that was just found to be held.
    package init(_ lock: LockStatus) {
        self.init(name: lock.name, holder: lock.holder, instance: lock.instance, now: Date())
    }

    /// A lock that is held.
    ///
    /// - Parameters:
    ///   - instance: The holder's instance, if it is registered.
    ///   - now: When the holder was found.
    package init(name: String, holder: Holder, instance: Instance?, now: Date) {
        self.name = name
        held = true
        host = instance?.host
        pid = instance?.pid
        service = instance?.service
        self.instance = holder.instanceID
        keyType = holder.keyType
        heldForMilliseconds = holder.heldFor.map(\.inMilliseconds)
        remainingMilliseconds = holder.remaining.map(\.inMilliseconds)
        since = heldForMilliseconds.map { now.addingTimeInterval(-Double($0) / 1000) }
        fence = holder.fencingToken?.rawValue
    }
}
