import Passport
import Registry
import Selection
import Store
import Wire

/// A name is given to a selector. Who used it before keeps what it meant then: a rollout goes where it was approved to go.
package struct SetGroup: Action {
    package static let name = "use/set-group"
    package static let permission = Permission.publish
    package var group: String
    package var selector: Selector

    package init(group: String, selector: Selector) {
        self.group = group
        self.selector = selector
    }

    package func perform(in change: Change) throws -> Done {
        try DeviceGroups.set(group, selector, in: change)
        return Done()
    }
}

package struct RemoveGroup: Action {
    package static let name = "use/remove-group"
    package static let permission = Permission.publish
    package var group: String
    package init(group: String) { self.group = group }

    package func perform(in change: Change) throws -> Done {
        try DeviceGroups.remove(group, in: change)
        return Done()
    }
}
