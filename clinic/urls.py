"""Addresses. Everything a patient sees is under ``tablet/`` and carries no id."""

from django.urls import include, path

from clinic.pages.account import views as account
from clinic.pages.desk.views import board, patients, visits
from clinic.pages.manager.views import administration, journal, record_access, retention, sites
from clinic.pages.patient.views import phone, tablets
from clinic.pages.public import csp_reports
from clinic.pages.public import views as public

urlpatterns = [
    path("", public.home, name="home"),
    # Signing in. Only these of allauth's pages exist; its own names are what it looks for.
    path("login/", account.sign_in, name="account_login"),
    path("login/code/", account.authenticate, name="mfa_authenticate"),
    path("login/passkey/", account.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("login/closed/", account.closed, name="account_inactive"),
    path("enrol/", account.enrol, name="enrol"),
    path("account/sessions/", account.sessions_list, name="my_sessions"),
    path("account/clinic/", sites.work_at, name="work_at"),
    path("csp", csp_reports.csp, name="csp"),
    path("logout/", public.sign_out, name="logout"),
    path("account/", account.factors, name="mfa_index"),
    path("account/password/", account.change_password, name="account_change_password"),
    path("account/again/", account.password_again, name="account_reauthenticate"),
    path("account/again/code/", account.code_again, name="mfa_reauthenticate"),
    path("account/again/passkey/", account.passkey_again, name="mfa_reauthenticate_webauthn"),
    path("account/passkeys/add/", account.add_passkey, name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove/", account.remove_passkey, name="mfa_remove_webauthn"),
    path("account/app/add/", account.add_app, name="mfa_activate_totp"),
    path("account/app/remove/", account.remove_app, name="mfa_deactivate_totp"),
    path("account/codes/", account.codes, name="mfa_view_recovery_codes"),
    path("account/codes/new/", account.new_codes, name="mfa_generate_recovery_codes"),
    # The tablet: what it shows follows from its hold.
    path("tablet/", tablets.resume, name="resume"),
    path("tablet/pair/", tablets.pair, name="pair"),
    path("tablet/birth-date/", tablets.birth_date, name="birth_date"),
    path("tablet/look/", tablets.choose_look, name="tablet_look"),
    path("tablet/state/", tablets.state, name="tablet_state"),
    path("tablet/phone/", phone.phone, name="phone"),
    path("tablet/more-time/", tablets.more_time, name="more_time"),
    path("tablet/lock/", tablets.lock, name="lock_tablet"),
    # The front desk.
    path("board/", board.board, name="board"),
    path("board/news/", board.board_news, name="board_news"),
    path("board/import/", board.import_day, name="import_day"),
    path("patients/", patients.search, name="patients"),
    path("patients/add/", patients.add, name="add_patient"),
    path("patients/<int:pk>/", patients.patient, name="patient"),
    path("patients/<int:pk>/correct/", patients.correct, name="correct_patient"),
    path("patients/<int:pk>/merge/", patients.merge, name="merge_patient"),
    path("patients/<int:pk>/looked/", record_access.looked, name="looked"),
    path("patients/<int:pk>/visit/", visits.add, name="add_visit"),
    path("visits/<int:pk>/", visits.visit, name="visit"),
    path("visits/<int:pk>/hand-over/", visits.hand_over, name="hand_over"),
    path("visits/<int:pk>/lend/", visits.lend, name="lend"),
    path("visits/<int:pk>/take-back/", visits.take_back, name="take_back"),
    path("visits/<int:pk>/reopen/", visits.reopen, name="reopen_visit"),
    path("visits/<int:pk>/did-not-come/", visits.did_not_come, name="did_not_come"),
    path("visits/<int:pk>/phone/", phone.show_code, name="phone_code"),
    path("visits/<int:pk>/phone/email/", phone.email_link, name="phone_email"),
    path("visits/<int:pk>/phone/end/", phone.end_link, name="phone_end"),
    path("visits/<int:pk>/going/", visits.going, name="take_urgent"),
    path("emergency/", sites.emergency, name="emergency"),
    path("urgent/", board.urgent, name="urgent"),
    # The manager.
    path("manage/tablets/", administration.tablets, name="manage_tablets"),
    path("manage/tablets/<int:pk>/code/", administration.code, name="pairing_code"),
    path("manage/tablets/<int:pk>/revoke/", administration.revoke, name="revoke_tablet"),
    path("manage/staff/", administration.staff_list, name="manage_staff"),
    path("manage/staff/add/", administration.staff_member, name="add_staff"),
    path("manage/staff/<int:pk>/", administration.staff_member, name="staff_member"),
    path("manage/staff/<int:pk>/link/", administration.enrolment_link, name="enrolment_link"),
    path("manage/staff/<int:pk>/leaves/", administration.staff_leaves, name="staff_leaves"),
    path("manage/staff/<int:pk>/end-sessions/", administration.end_sessions, name="end_sessions"),
    path("manage/journal/", journal.journal, name="manage_journal"),
    path("manage/clinics/", sites.sites, name="manage_sites"),
    path("manage/clinics/<int:number>/", sites.site, name="manage_site"),
    path("manage/emergencies/", sites.emergencies_list, name="manage_emergencies"),
    path("manage/emergencies/<int:pk>/seen/", sites.emergency_seen, name="emergency_seen"),
    path("manage/retention/", retention.retention, name="retention"),
    path("manage/retention/erase/", retention.erase_records, name="erase_records"),
    path("manage/retention/hold/", retention.hold_record, name="hold_record"),
    path("manage/retention/<int:pk>/release/", retention.release_record, name="release_record"),
    path("manage/settings/", administration.policy, name="manage_settings"),
    path("", include("screening.urls")),
    path("", include("consent.urls")),
    path("", include("operations.urls")),
]

handler404 = "clinic.pages.public.views.no_page"
handler500 = "clinic.pages.public.views.broken"
