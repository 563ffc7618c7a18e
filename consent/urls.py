"""Addresses of the consent room. A patient's carry no ids."""

from django.urls import path

from consent.views import desk, files, patient

urlpatterns = [
    path("tablet/consent/", patient.consenting, name="consenting"),
    path("tablet/consent/<slug:page>/", patient.consent_page, name="consent_page"),
    path("confirm/<int:visit>/", desk.confirm, name="confirm"),
    path("confirm/<int:visit>/change/", desk.change, name="change_answers"),
    path("consents/<int:visit>/pdf/", files.consent_pdf, name="consent_pdf"),
    path("consents/<int:visit>/seal/", files.seal_again, name="seal_again"),
    path("consents/<int:visit>/send/", files.send_copy, name="send_copy"),
]
