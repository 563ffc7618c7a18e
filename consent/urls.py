"""Addresses of the consent room. A patient's carry no ids."""

from django.urls import path

from consent.views import (
    aftercare,
    at_home,
    desk,
    ending,
    export,
    files,
    health,
    paper,
    patient,
    public,
    sessions,
    versions,
    withdrawing,
)

urlpatterns = [
    path("tablet/still-happy/", sessions.still_happy, name="still_happy"),
    path("tablet/consent/", patient.consenting, name="consenting"),
    path("tablet/consent/<slug:page>/", patient.consent_page, name="consent_page"),
    path("tablet/read/", at_home.read_at_home, name="read_at_home"),
    path("tablet/read/<slug:page>/", at_home.read_at_home, name="read_at_home_page"),
    path("visits/<int:visit>/paper/", paper.print_blank, name="paper_print"),
    path("visits/<int:visit>/paper/record/", paper.record, name="paper_record"),
    path("visits/<int:visit>/paper/<str:code>/", paper.blank, name="paper_form"),
    path("confirm/<int:visit>/", desk.confirm, name="confirm"),
    path("confirm/<int:visit>/change/", desk.change, name="change_answers"),
    path("consents/<int:visit>/pdf/", files.consent_pdf, name="consent_pdf"),
    path("consents/<int:visit>/seal/", files.seal_again, name="seal_again"),
    path("consents/<int:visit>/send/", files.send_copy, name="send_copy"),
    path("visits/<int:visit>/aftercare/", aftercare.aftercare, name="aftercare"),
    path("visits/<int:visit>/aftercare/send/", aftercare.send_aftercare, name="send_aftercare"),
    # What comes after.
    path("tablet/withdraw/", withdrawing.withdraw, name="withdraw"),
    path("consents/<int:visit>/withdraw/", ending.withdraw_consent, name="withdraw_consent"),
    path("consents/<int:visit>/withdraw/tablet/", ending.withdraw_on_tablet, name="withdraw_on_tablet"),
    path("consents/<int:visit>/end/", ending.end_consent, name="end_consent"),
    path("consents/<int:visit>/after/<int:after>/pdf/", ending.after_pdf, name="after_pdf"),
    path("consents/<int:visit>/after/<int:after>/seal/", ending.seal_after_again, name="seal_after_again"),
    path("patients/<int:patient>/export/", export.export_patient, name="export_patient"),
    # For anyone.
    path("verify/", public.verify, name="verify"),
    path("verify/help/", public.verify_help, name="verify_help"),
    path("verify/root.cer", public.root_certificate, name="root_certificate"),
    path("verify/revoked.crl", public.revoked, name="revoked"),
    path("verify/verifier.zip", public.verifier, name="verifier"),
    path("verify/<str:sha256>.tst", public.timestamp_token, name="timestamp_token"),
    # For machines.
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("manage/versions/", versions.versions, name="manage_versions"),
]
