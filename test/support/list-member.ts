/** The fields of a fake that is in no `MemberList` yet. */
export function outsideLists(): { memberOf: null; earlierMember: null; laterMember: null } {
  return { memberOf: null, earlierMember: null, laterMember: null };
}
