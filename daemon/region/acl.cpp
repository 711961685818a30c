#include "daemon/region/acl.h"

#include <acl/libacl.h>
#include <sys/acl.h>

#include <cerrno>
#include <memory>

namespace ivshmemd {
namespace {

struct AclFree {
    void operator()(void* acl) const { acl_free(acl); }
};

bool is_for(acl_entry_t entry, acl_tag_t tag, id_t id) {
    acl_tag_t found = ACL_UNDEFINED_TAG;
    if (acl_get_tag_type(entry, &found) != 0 || found != tag) return false;
    const std::unique_ptr<void, AclFree> qualifier(acl_get_qualifier(entry));
    return qualifier && *static_cast<id_t*>(qualifier.get()) == id;
}

bool may_read_and_write(acl_entry_t entry) {
    acl_permset_t permissions = nullptr;
    return acl_get_permset(entry, &permissions) == 0 && acl_get_perm(permissions, ACL_READ) == 1 &&
           acl_get_perm(permissions, ACL_WRITE) == 1;
}

bool has_entry(acl_t acl, acl_tag_t tag, id_t id) {
    acl_entry_t entry = nullptr;
    for (int which = ACL_FIRST_ENTRY; acl_get_entry(acl, which, &entry) == 1;
         which = ACL_NEXT_ENTRY) {
        if (is_for(entry, tag, id)) return true;
    }
    return false;
}

bool add_entry(acl_t& acl, acl_tag_t tag, id_t id) {
    if (has_entry(acl, tag, id)) return true;
    acl_entry_t entry = nullptr;
    acl_permset_t permissions = nullptr;
    return acl_create_entry(&acl, &entry) == 0 && acl_set_tag_type(entry, tag) == 0 &&
           acl_set_qualifier(entry, &id) == 0 && acl_get_permset(entry, &permissions) == 0 &&
           acl_clear_perms(permissions) == 0 && acl_add_perm(permissions, ACL_READ) == 0 &&
           acl_add_perm(permissions, ACL_WRITE) == 0;
}

}  // namespace

int grant_access(int fd, std::optional<uid_t> user, std::optional<gid_t> group) {
    if (!user && !group) return 0;
    // Creating an entry may move the ACL, so it stays a plain handle until the end.
    acl_t acl = acl_get_fd(fd);
    if (!acl) return errno;
    const bool done = (!user || add_entry(acl, ACL_USER, *user)) &&
                      (!group || add_entry(acl, ACL_GROUP, *group)) && acl_calc_mask(&acl) == 0 &&
                      acl_set_fd(fd, acl) == 0;
    const int error = done ? 0 : errno;
    acl_free(acl);
    return error;
}

bool acl_admits(const std::string& path, uid_t user) {
    const std::unique_ptr<std::remove_pointer_t<acl_t>, AclFree> acl(
        acl_get_file(path.c_str(), ACL_TYPE_ACCESS));
    if (!acl) return false;
    bool granted = false;
    bool masked = false;
    acl_entry_t entry = nullptr;
    for (int which = ACL_FIRST_ENTRY; acl_get_entry(acl.get(), which, &entry) == 1;
         which = ACL_NEXT_ENTRY) {
        acl_tag_t tag = ACL_UNDEFINED_TAG;
        acl_get_tag_type(entry, &tag);
        if (tag == ACL_MASK && !may_read_and_write(entry)) masked = true;
        if (is_for(entry, ACL_USER, user) && may_read_and_write(entry)) granted = true;
    }
    return granted && !masked;
}

}  // namespace ivshmemd
