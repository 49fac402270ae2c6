package import Foundation
package import Holdfast

/// One running instance. As JSON these are documented, stable field names.
package struct InstanceSnapshot: Encodable, Hashable, Sendable {
    package var instance: String
    package var host: String
    package var pid: Int32
    package var service: String
    /// Absent if the service does not state one.
    package var version: String?
    package var started: Date

    package init(_ instance: Instance) {
        self.instance = instance.id
        host = instance.host
        pid = instance.pid
        service = instance.service
        version = instance.version
        started = instance.started
    }
}
